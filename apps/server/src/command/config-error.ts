/** A part of the configuration is wrong. The message is the one line that the operator sees. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
}
