// What the benchmarks call of mori 0.3.2, which brings no types.
declare module "mori" {
  /** A persistent hash map; opaque. */
  export type MoriMap<Value> = { readonly mori: Value }
  const mori: {
    hashMap<Value>(): MoriMap<Value>
    get<Value>(map: MoriMap<Value>, key: string): Value | null
    assoc<Value>(map: MoriMap<Value>, key: string, value: Value): MoriMap<Value>
    dissoc<Value>(map: MoriMap<Value>, key: string): MoriMap<Value>
    count(map: MoriMap<unknown>): number
    reduceKV<State, Value>(
      step: (state: State, key: string, value: Value) => State,
      state: State,
      map: MoriMap<Value>,
    ): State
    readonly mutable: {
      thaw<Value>(map: MoriMap<Value>): MoriMap<Value>
      freeze<Value>(map: MoriMap<Value>): MoriMap<Value>
      assoc<Value>(map: MoriMap<Value>, key: string, value: Value): MoriMap<Value>
    }
  }
  export default mori
}
