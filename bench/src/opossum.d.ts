/** opossum comes without types; these are what the benchmark uses. */
declare module "opossum" {
  export default class CircuitBreaker<A> {
    constructor(
      action: () => Promise<A>,
      options: { readonly timeout: number | false; readonly volumeThreshold?: number },
    )
    fire(): Promise<A>
    open(): void
  }
}
