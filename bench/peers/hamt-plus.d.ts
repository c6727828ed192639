// What the benchmarks call of hamt_plus 1.0.2, which brings no types.
declare module "hamt_plus" {
  export interface HamtMap<Value> {
    readonly size: number
    get(key: string): Value | undefined
    set(key: string, value: Value): HamtMap<Value>
    remove(key: string): HamtMap<Value>
    beginMutation(): HamtMap<Value>
    endMutation(): HamtMap<Value>
    entries(): IterableIterator<[string, Value]>
  }
  const hamt: { readonly empty: HamtMap<never> }
  export default hamt
}
