import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readOpenMetrics } from "../../test/OpenMetricsReader.ts"
import * as OpenMetrics from "./OpenMetrics.ts"

const families: ReadonlyArray<OpenMetrics.Family> = [
  {
    name: "jobs_total",
    help: "Jobs done",
    type: "counter",
    series: [
      { labels: [["queue", "mail"]], value: 3 },
      { labels: [["queue", 'say "no"\\\n']], value: 2n },
    ],
  },
  { name: "heat", help: "", type: "gauge", series: [{ labels: [], value: -1.5 }] },
  {
    name: "wait.millis",
    help: "How long",
    type: "histogram",
    series: [
      {
        labels: [["queue", "mail"]],
        buckets: [
          [1, 2],
          [2.5, 3],
          [Number.POSITIVE_INFINITY, 4],
        ],
        count: 4,
        sum: 12.25,
      },
    ],
  },
]

describe("OpenMetrics", () => {
  it("writes each kind as OpenMetrics has it", () => {
    expect(OpenMetrics.render(families, "openmetrics")).toBe(`# TYPE heat gauge
heat -1.5
# HELP jobs Jobs done
# TYPE jobs counter
jobs_total{queue="mail"} 3
jobs_total{queue="say \\"no\\"\\\\\\n"} 2
# HELP wait_millis How long
# TYPE wait_millis histogram
wait_millis_bucket{queue="mail",le="1"} 2
wait_millis_bucket{queue="mail",le="2.5"} 3
wait_millis_bucket{queue="mail",le="+Inf"} 4
wait_millis_sum{queue="mail"} 12.25
wait_millis_count{queue="mail"} 4
# EOF
`)
  })

  it("announces a counter by its sample's name, and ends without a mark, for those that read the older format", () => {
    const text = OpenMetrics.render(families, "prometheus")
    expect(text).toContain("# TYPE jobs_total counter\njobs_total{")
    expect(text).not.toContain("# EOF")
    expect(OpenMetrics.formatFor("text/plain")).toBe("prometheus")
    expect(OpenMetrics.formatFor(null)).toBe("prometheus")
    expect(OpenMetrics.formatFor("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4")).toBe(
      "openmetrics",
    )
  })

  it("keeps two kinds of one name apart", () => {
    const text = OpenMetrics.render(
      [
        { name: "parked_total", help: "", type: "counter", series: [{ labels: [], value: 1 }] },
        { name: "parked", help: "", type: "gauge", series: [{ labels: [], value: 2 }] },
      ],
      "openmetrics",
    )
    expect(readOpenMetrics(text).map(({ name, type }) => `${name} ${type}`)).toEqual([
      "parked counter",
      "parked_gauge gauge",
    ])
  })

  it("is read back as it was, whatever names and labels there are", () => {
    const series = fc.record({ label: fc.string(), value: fc.double({ noNaN: true }) })
    fc.assert(
      fc.property(fc.string(), fc.uniqueArray(series, { selector: ({ label }) => label }), (name, all) => {
        const family: OpenMetrics.Family = {
          name: `x${name}`,
          help: name,
          type: "gauge",
          series: all.map(({ label, value }) => ({ labels: [["label", label]], value })),
        }
        const [read] = readOpenMetrics(OpenMetrics.render([family], "openmetrics"))
        expect(read?.samples.map(({ labels, value }) => [labels["label"], value])).toEqual(
          all.map(({ label, value }) => [label, value + 0]),
        )
      }),
    )
  })
})
