declare module "*.wasm" {
  const module: WebAssembly.Module

  // biome-ignore lint/style/noDefaultExport: how hosts hand over a module.
  export { module as default }
}
