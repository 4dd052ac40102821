/** Who may import whom. An arrow may only point down; see ARCHITECTURE.md. */

/** A room of core may import itself and what stands below it, nothing else of core. */
const coreRoom = (room, below) => ({
  name: `core-${room}`,
  comment: `core/${room} may import only ${below.length === 0 ? "itself" : below.join(", ")}.`,
  severity: "error",
  from: { path: `^packages/core/src/${room}/`, pathNot: "\\.test\\.ts$" },
  to: { path: "^packages/", pathNot: [room, ...below].map((r) => `^packages/core/src/${r}/`) },
})

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "kernel-is-pure",
      comment: "Kernels are plain TypeScript: nothing from outside the folder, not even a package.",
      severity: "error",
      from: { path: "^packages/core/src/kernel/", pathNot: "\\.test\\.ts$" },
      to: { pathNot: "^packages/core/src/kernel/" },
    },
    {
      name: "wire-is-plain",
      comment: "The wire is plain TypeScript: msgpackr and the kernel only.",
      severity: "error",
      from: { path: "^packages/core/src/wire/", pathNot: "\\.test\\.ts$" },
      to: { pathNot: ["^packages/core/src/(wire|kernel)/", "msgpackr"] },
    },
    coreRoom("contract", ["kernel"]),
    coreRoom("resilience", ["kernel"]),
    coreRoom("concurrency", ["resilience", "kernel"]),
    coreRoom("consistency", ["resilience", "kernel"]),
    coreRoom("messaging", ["consistency", "concurrency", "resilience", "kernel"]),
    coreRoom("workflow", ["messaging", "consistency", "concurrency", "resilience", "kernel"]),
    coreRoom("streams", ["messaging", "consistency", "concurrency", "resilience", "kernel"]),
    {
      name: "core-has-no-drivers",
      comment: "core runs in a browser: no I/O drivers, no bun modules.",
      severity: "error",
      from: { path: "^packages/core/src/", pathNot: "\\.test\\.ts$" },
      to: {
        path: [
          "^bun:",
          "node_modules/(ws|better-sqlite3|pg)/",
          "node_modules/@effect/(sql|platform-bun|platform-node)",
        ],
      },
    },
    {
      name: "core-has-no-node-modules",
      comment: "core runs in a browser: nothing that only Node has.",
      severity: "error",
      from: { path: "^packages/core/src/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "clients-take-kernels-and-wire",
      comment: "client-sdk and device-bridge take core/kernel and core/wire at run time, core/contract as types only.",
      severity: "error",
      from: { path: "^packages/(client-sdk|device-bridge)/src/", pathNot: "\\.test\\.ts$" },
      to: {
        path: "^packages/core/src/",
        pathNot: "^packages/core/src/(kernel|wire)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "clients-stand-alone",
      severity: "error",
      from: { path: "^packages/(client-sdk|device-bridge)/src/" },
      to: { path: "^packages/server/" },
    },
    {
      name: "client-sdk-and-bridge-are-strangers",
      severity: "error",
      from: { path: "^packages/(client-sdk|device-bridge)/src/" },
      to: { path: "^packages/(client-sdk|device-bridge)/src/", pathNot: "^packages/$1/src/" },
    },
    {
      name: "context-imports-no-context",
      comment: "A context knows others by their ids and by the events in core/contract.",
      severity: "error",
      from: { path: "^packages/server/src/contexts/([^/]+)/" },
      to: { path: "^packages/server/src/contexts/", pathNot: "^packages/server/src/contexts/$1/" },
    },
    {
      name: "contexts-know-only-core",
      comment: "contexts → core; device-bridge/files only for imports.",
      severity: "error",
      from: { path: "^packages/server/src/contexts/", pathNot: "\\.test\\.ts$" },
      to: {
        path: "^packages/",
        pathNot: ["^packages/server/src/contexts/", "^packages/core/src/", "^packages/device-bridge/src/files/"],
      },
    },
    {
      name: "adapters-know-only-core",
      severity: "error",
      from: { path: "^packages/server/src/adapters/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/", pathNot: ["^packages/server/src/adapters/", "^packages/core/src/"] },
    },
    {
      name: "only-main-and-commands-name-an-adapter",
      severity: "error",
      from: {
        path: "^packages/",
        pathNot: ["^packages/server/src/(main\\.ts|commands/|adapters/)", "^packages/[^/]+/test/", "\\.test\\.ts$"],
      },
      to: { path: "^packages/server/src/adapters/" },
    },
    {
      name: "gateway-stands-on-contexts-and-core",
      severity: "error",
      from: { path: "^packages/server/src/gateway/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/(client-sdk|device-bridge)/|^packages/server/src/(commands|main)" },
    },
    {
      name: "console-stands-on-the-client-sdk",
      comment: "Pages use the client SDK, kernels and contract types, like any other client.",
      severity: "error",
      from: { path: "^packages/server/src/console/" },
      to: {
        path: "^packages/",
        pathNot: [
          "^packages/server/src/console/",
          "^packages/client-sdk/src/",
          "^packages/core/src/(kernel|contract)/",
        ],
      },
    },
    {
      name: "nothing-imports-server",
      severity: "error",
      from: { path: "^packages/(core|client-sdk|device-bridge)/" },
      to: { path: "^packages/server/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages/[^/]+/dist|build)/" },
    enhancedResolveOptions: { conditionNames: ["bun", "import", "default"], exportsFields: ["exports"] },
  },
}
