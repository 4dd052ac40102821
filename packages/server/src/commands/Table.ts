/** Text in columns, for the terminal. */

export interface TableOptions {
  /** The columns that end below each other, as numbers do; the first one is 0. */
  readonly right?: ReadonlyArray<number>
}

/** Each row on a line, its cells below each other. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>, { right = [] }: TableOptions = {}): string => {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const fit = (cell: string, column: number) => {
    const width = widths[column] ?? 0
    return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
  }
  return rows.map((row) => row.map(fit).join("  ").trimEnd()).join("\n")
}
