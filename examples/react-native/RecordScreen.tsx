/** @jsxImportSource react */
/**
 * Records a heart-rate strap on a phone: Bluetooth by `react-native-ble-plx`, the buffer by op-sqlite, delivery by the
 * bridge. Recording needs no network; what was flushed is delivered when there is one, exactly once.
 */

import * as OpSqlite from "@op-engineering/op-sqlite"
import { type Bridge, type BridgeStatus, followAppState, openBridge } from "@paceline/device-bridge"
import { expoFiles, opSqlite } from "@paceline/device-bridge/drivers/op-sqlite"
import { type KeepStatus, type Kept, keepConnected, peripheral } from "@paceline/device-bridge/sources"
import * as FileSystem from "expo-file-system"
import { useEffect, useRef, useState } from "react"
import { AppState, Pressable, StyleSheet, Text, View } from "react-native"
import { BleManager } from "react-native-ble-plx"
import { blePlxLink } from "./blePlxLink.ts"

export interface RecordScreenProps {
  readonly url: string
  readonly deviceId: string
  /** Gives the device's key, from the phone's key store. */
  readonly readKey: () => Promise<string>
}

const HEART_RATE_SERVICE = "180d"

/** Opens the bridge for as long as the screen is there. One bridge an application: its buffer has one owner. */
const useBridge = ({ deviceId, readKey, url }: RecordScreenProps, onProblem: (text: string) => void) => {
  const [bridge, setBridge] = useState<Bridge | null>(null)
  const [status, setStatus] = useState<BridgeStatus | null>(null)
  useEffect(() => {
    let opened: Bridge
    try {
      opened = openBridge({
        path: "buffer.sqlite",
        driver: opSqlite(OpSqlite, expoFiles(FileSystem)),
        url,
        deviceId,
        key: readKey,
        onEvent: (event) => onProblem(event._tag),
      })
    } catch (thrown) {
      onProblem(thrown instanceof Error ? thrown.message : String(thrown))
      return
    }
    setBridge(opened)
    setStatus(opened.status())
    const forget = opened.subscribe(setStatus)
    const unfollow = followAppState(opened, AppState)
    return () => {
      unfollow()
      forget()
      void opened.close().catch((thrown: unknown) => onProblem(String(thrown)))
    }
  }, [])
  return { bridge, status }
}

export const RecordScreen = (props: RecordScreenProps) => {
  const [problem, setProblem] = useState<string | null>(null)
  const [link, setLink] = useState<KeepStatus["state"] | null>(null)
  const { bridge, status } = useBridge(props, setProblem)
  const manager = useRef<BleManager | null>(null)
  const kept = useRef<Kept | null>(null)

  const connect = (): void => {
    if (bridge === null) return
    manager.current ??= new BleManager()
    void manager.current.startDeviceScan([HEART_RATE_SERVICE], null, (failure, device) => {
      if (failure !== null) setProblem(failure.message)
      if (device === null || kept.current !== null) return
      void manager.current?.stopDeviceScan()
      // A name of its own for each strap, as it is paired on the server.
      const strap = peripheral(bridge, { sensor: `strap-${device.id.replaceAll(/[^0-9A-Za-z]/g, "").slice(-12)}` })
      strap.beginActivity()
      kept.current = keepConnected(blePlxLink(device), strap, { onChange: ({ state }) => setLink(state) })
    })
  }
  const finish = async (): Promise<void> => {
    await kept.current?.stop()
    kept.current = null
    setLink(null)
    await bridge?.flush()
  }

  return (
    <View style={styles.page}>
      <Text style={styles.title}>{link === null ? "No strap" : `Strap: ${link}`}</Text>
      <Text style={styles.line}>{`${status?.recordedSamples ?? 0} samples recorded`}</Text>
      <Text style={styles.line}>{`${status?.waitingChunks ?? 0} chunks wait on this phone`}</Text>
      <Text
        style={styles.line}
      >{`${status?.deliveredChunks ?? 0} chunks delivered; ${status?.state ?? "closed"}`}</Text>
      {problem !== null && <Text style={styles.problem}>{problem}</Text>}
      <Pressable style={styles.button} onPress={link === null ? connect : () => void finish()}>
        <Text style={styles.buttonText}>{link === null ? "Connect a strap" : "End the activity"}</Text>
      </Pressable>
    </View>
  )
}

const styles = StyleSheet.create({
  page: { flex: 1, justifyContent: "center", padding: 24, gap: 12 },
  title: { fontSize: 28, fontWeight: "700" },
  line: { fontSize: 17, color: "#566070" },
  problem: { fontSize: 17, color: "#8a4b00" },
  button: { padding: 18, borderRadius: 14, backgroundColor: "#0d1117" },
  buttonText: { color: "#ffffff", fontSize: 17, fontWeight: "600", textAlign: "center" },
})
