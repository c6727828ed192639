import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** Certificates of a CA of our own, as files in PEM. */
export interface TlsFiles {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** Makes a CA, a server for the loopback and a client in a folder, by `openssl`. */
export function makeTlsFiles(folder: string): TlsFiles {
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" })
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  openssl(
    ...["req", "-x509", ...curve, "-keyout", at("ca.key"), "-out", at("ca.pem")],
    ...["-days", "2", "-subj", "/CN=headwater test CA"],
  )
  const issue = (name: string, subject: string, extensions: string) => {
    const [cert, key, request] = [at(`${name}.pem`), at(`${name}.key`), at(`${name}.csr`)]
    openssl("req", ...curve, "-keyout", key, "-out", request, "-subj", subject)
    writeFileSync(at(`${name}.ext`), extensions)
    openssl(
      ...["x509", "-req", "-in", request, "-CA", at("ca.pem"), "-CAkey", at("ca.key")],
      ...["-CAcreateserial", "-out", cert, "-days", "2", "-extfile", at(`${name}.ext`)],
    )
    return { cert, key }
  }
  return {
    ca: at("ca.pem"),
    // etcd's gateway shows the server's certificate to etcd itself.
    server: issue(
      "server",
      "/CN=server",
      "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
    ),
    // With users and passwords, the gateway refuses a client whose certificate names one.
    client: issue("client", "/O=headwater", "extendedKeyUsage=clientAuth\n"),
  }
}
