import type { Settings } from "../setting.ts"
import { choice, path, text } from "../setting-type.ts"

/** Settings of the access of clients. */
export const ACCESS = {
  "allow-anonymous": {
    group: "Access",
    type: choice("read", "write"),
    help:
      "access of clients without a token; this or tokens are needed to listen beyond this " +
      "machine, and for writes through a proxy on this machine",
  },
  tokens: {
    group: "Access",
    type: path,
    variable: "HEADWATER_TOKENS_FILE",
    help: "identities by token, and what each may read and write (JSON); followed as it changes",
  },
  jwks: {
    group: "Access",
    type: text("URL|PATH", /^\S+$/, "a URL or a path"),
    help: "public keys of the issuer of JWTs: a URL by https, or a file",
  },
  "jwt-secret-file": {
    group: "Access",
    type: path,
    help: "in place of --jwks: the secret that issuer and hub share, of at least 32 bytes",
  },
  "jwt-issuer": {
    group: "Access",
    type: text("ISSUER", /^.+$/, "the issuer's name"),
    help: "the iss of accepted JWTs; needed for JWTs",
  },
  "jwt-audience": {
    group: "Access",
    type: text("AUDIENCE", /^.+$/, "the hub's name at the issuer"),
    help: "the aud of accepted JWTs; needed for JWTs",
  },
  "jwt-type": {
    group: "Access",
    type: choice("at+jwt", "any"),
    initial: "at+jwt",
    help: "the typ of accepted JWTs; any for issuers that send JWT, such as Keycloak or Supabase",
  },
  audit: {
    group: "Access",
    type: path,
    help: "a line of JSON for each write and each refusal goes to this file; - is standard output",
  },
} as const satisfies Settings
