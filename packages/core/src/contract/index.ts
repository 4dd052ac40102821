/** The published language of Paceline: ids, events, errors, the live model and the HTTP API, as Effect schemas. */
export * from "./Access.ts"
export * from "./Api.ts"
export * from "./Errors.ts"
export * from "./Events.ts"
export * from "./Idempotent.ts"
export * from "./Ids.ts"
export * from "./LiveModel.ts"
export * from "./OperationsApi.ts"
