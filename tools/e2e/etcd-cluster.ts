import { connect, createServer, type Server, type Socket } from "node:net"
import { Etcd, freePort } from "@headwater/testing/etcd"

const MEMBERS = 3

/** One member: the process, and the link by which the others reach it. */
interface Member {
  readonly etcd: Etcd
  readonly link: PeerLink
}

/**
 * A cluster of three members on the loopback, whose talk with each other passes through links that
 * can be cut: so one can be parted from the others while its clients still reach it.
 */
export class EtcdCluster {
  readonly #members: readonly Member[]

  private constructor(members: readonly Member[]) {
    this.#members = members
  }

  /** Starts all three, and waits until they serve. */
  static async start(): Promise<EtcdCluster> {
    const plans = await Promise.all(
      Array.from({ length: MEMBERS }, async (_, index) => {
        const [client, peer, secure] = [await freePort(), await freePort(), await freePort()]
        const link = await PeerLink.start(peer)
        return {
          name: `member-${index}-${crypto.randomUUID()}`,
          ports: [client, peer, secure] as const,
          link,
        }
      }),
    )
    const initial = plans.map(({ name, link }) => `${name}=${link.url}`).join(",")
    const members = plans.map(({ name, ports, link }) => {
      const args = [
        ...["--name", name, "--initial-cluster", initial],
        ...["--initial-advertise-peer-urls", link.url],
        // Long enough that a busy machine holds no election of its own.
        ...["--heartbeat-interval", "100", "--election-timeout", "1000"],
      ]
      return { link, etcd: new Etcd(ports, { name, args, progressMs: 1_000 }) }
    })
    const cluster = new EtcdCluster(members)
    try {
      for (const { etcd } of members) etcd.launch()
      await Promise.all(members.map(({ etcd }) => etcd.ready()))
      return cluster
    } catch (error) {
      await cluster.dispose()
      throw error
    }
  }

  get members(): readonly Etcd[] {
    return this.#members.map(({ etcd }) => etcd)
  }

  /** The member that leads, as most of them say. */
  async leader(): Promise<Etcd> {
    const said = await Promise.all(
      this.members.map((etcd) => statusOf(etcd).catch(() => undefined)),
    )
    const leaders = said.flatMap((status) => status?.leader ?? [])
    const leading = leaders.find((id) => leaders.filter((other) => other === id).length > 1)
    const at = said.findIndex((status) => status !== undefined && status.id === leading)
    const leader = this.members[at]
    if (leader === undefined) throw new Error("the cluster has no leader")
    return leader
  }

  /** Parts a member from the others, in both directions. */
  async part(etcd: Etcd): Promise<void> {
    const { id } = await statusOf(etcd)
    const parted = BigInt(id).toString(16)
    for (const member of this.#members) {
      member.link.refuse((from) => member.etcd === etcd || from === parted)
    }
  }

  /** Joins all again. */
  join(): void {
    for (const { link } of this.#members) link.refuse(() => false)
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#members.map(({ etcd }) => etcd.dispose()))
    await Promise.all(this.#members.map(({ link }) => link.close()))
  }
}

interface Status {
  readonly id: string
  readonly leader: string | undefined
}

async function statusOf(etcd: Etcd): Promise<Status> {
  const signal = AbortSignal.timeout(2_000)
  const answer = await etcd.call("/v3/maintenance/status", {}, signal)
  const { header, leader } = answer as { header: { member_id: string }; leader?: string }
  return { id: header.member_id, leader }
}

/** The way to one member: it knows who speaks, by what etcd says at the head of each request. */
class PeerLink {
  readonly url: string
  readonly #server: Server
  readonly #pairs = new Map<Socket, { readonly to: Socket; readonly from: string }>()
  #refuses: (from: string) => boolean = () => false

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  }

  static start(port: number): Promise<PeerLink> {
    return new Promise((resolve) => {
      let link: PeerLink
      const server = createServer((socket) => link.#accept(socket, port))
      server.listen(0, "127.0.0.1", () => {
        link = new PeerLink(server)
        resolve(link)
      })
    })
  }

  /** Cuts the connections of those it refuses from now on. */
  refuse(refuses: (from: string) => boolean): void {
    this.#refuses = refuses
    for (const [socket, { from }] of this.#pairs) if (refuses(from)) socket.destroy()
  }

  close(): Promise<void> {
    for (const socket of this.#pairs.keys()) socket.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket, port: number): void {
    socket.on("error", () => {})
    socket.once("data", (head) => {
      const from = /x-server-from: ([0-9a-f]+)/i.exec(head.toString("latin1"))?.[1] ?? ""
      if (this.#refuses(from)) {
        socket.destroy()
        return
      }
      const to = connect(port, "127.0.0.1")
      this.#pairs.set(socket, { to, from })
      const end = () => {
        this.#pairs.delete(socket)
        socket.destroy()
        to.destroy()
      }
      for (const one of [socket, to]) one.on("error", end).on("close", end)
      to.write(head)
      socket.pipe(to).pipe(socket)
    })
  }
}
