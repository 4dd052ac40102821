/** @jsxImportSource react */
/**
 * Runs the driver suite on this phone, with both drivers, and shows each check. Share the report: it is how the
 * drivers are shown to work on a phone and an operating system.
 */

import * as OpSqlite from "@op-engineering/op-sqlite"
import { expoFiles, expoSqlite } from "@paceline/device-bridge/drivers/expo-sqlite"
import { opSqlite } from "@paceline/device-bridge/drivers/op-sqlite"
import { driverSuite } from "@paceline/device-bridge/drivers/suite"
import * as FileSystem from "expo-file-system"
import * as SQLite from "expo-sqlite"
import { useState } from "react"
import { Platform, Pressable, ScrollView, Share, StyleSheet, Text } from "react-native"

interface Result {
  readonly driver: string
  readonly check: string
  readonly failure: string | null
}

const runSuite = (): { readonly versions: ReadonlyArray<string>; readonly results: ReadonlyArray<Result> } => {
  const files = expoFiles(FileSystem)
  const versions: Array<string> = []
  const results: Array<Result> = []
  for (const driver of [opSqlite(OpSqlite, files), expoSqlite(SQLite, files)]) {
    const database = driver.open("driver-suite-version")
    versions.push(`${driver.name}: SQLite ${database.prepare("select sqlite_version() as v").get()?.["v"]}`)
    database.close()
    driver.remove("driver-suite-version")
    for (const [number, { name, run }] of driverSuite.entries()) {
      // Each check has files of its own; what it leaves behind goes with the next run.
      const path = (file: string): string => `driver-suite-${number}-${file}`
      const leftovers = ["check.sqlite", "check.sqlite-wal", "check.sqlite-shm", "check.sqlite-journal", "a", "b"]
      for (const file of leftovers) driver.remove(path(file))
      let failure: string | null = null
      try {
        run(driver, { path, nowhere: "missing/check.sqlite", read: files.read, write: files.write })
      } catch (thrown) {
        failure = String(thrown)
      }
      results.push({ driver: driver.name, check: name, failure })
    }
  }
  return { versions, results }
}

export const DriverSuiteScreen = () => {
  const [report, setReport] = useState<ReturnType<typeof runSuite> | null>(null)
  const failed = report?.results.filter(({ failure }) => failure !== null).length ?? 0
  const share = (): void => {
    const lines = report?.results.map(({ check, driver, failure }) => `${failure ?? "ok"}  ${driver}: ${check}`) ?? []
    void Share.share({
      message: [`${Platform.OS} ${Platform.Version}`, ...(report?.versions ?? []), ...lines].join("\n"),
    })
  }
  return (
    <ScrollView contentContainerStyle={styles.page}>
      <Pressable style={styles.button} onPress={() => setReport(runSuite())}>
        <Text style={styles.buttonText}>Run the driver suite</Text>
      </Pressable>
      {report !== null && (
        <Pressable style={styles.button} onPress={share}>
          <Text style={styles.buttonText}>{`Share: ${report.results.length - failed} ok, ${failed} failed`}</Text>
        </Pressable>
      )}
      {report?.versions.map((version) => (
        <Text key={version} style={styles.line}>
          {version}
        </Text>
      ))}
      {report?.results.map(({ check, driver, failure }) => (
        <Text key={`${driver} ${check}`} style={failure === null ? styles.line : styles.failed}>
          {`${failure === null ? "✓" : "✗"} ${driver}: ${check}${failure === null ? "" : `\n${failure}`}`}
        </Text>
      ))}
    </ScrollView>
  )
}

const styles = StyleSheet.create({
  page: { padding: 16, gap: 10 },
  button: { padding: 16, borderRadius: 14, backgroundColor: "#0d1117" },
  buttonText: { color: "#ffffff", fontWeight: "600", textAlign: "center" },
  line: { color: "#566070" },
  failed: { color: "#d32f3f" },
})
