/** The bounds of a syncer. Every one can be given. */
export interface SyncerLimits {
  /** Watch events that wait for the cache. When full, the watch is not read. */
  readonly queueEventsMax: number
  /** Bytes of keys and values in them; one event larger than all of it waits alone. */
  readonly queueBytesMax: number
  /** The largest number of commits that the cache gets in one call, when several events wait. */
  readonly batchCommitsMax: number
  /** Watches lost one after the other at one revision before the source is listed again. */
  readonly errorsMax: number
  /** First and longest back-off: full jitter below what doubles from the one to the other. */
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** The longest back-off, if shorter, of a source that answers no questions: they cost little. */
  readonly askMaxMs: number
  /**
   * Time after which a failing link makes the status `stale`, and not before its second failure. 0:
   * at the second failure. Before the first whole list: at the first failure.
   */
  readonly staleAfterMs: number
  /** Least time between the beginnings of two lists. */
  readonly listMinMs: number
  /** The pause between two looks at a source that reports no changes. */
  readonly pollMs: number
  /** Longest time for the source to answer its identity and revision. */
  readonly askMs: number
  /** Longest time between two pages of a list; then the list has failed. */
  readonly listSilenceMs: number
  /** Longest silence of a watch; then the syncer asks the source, and replaces the watch. */
  readonly watchSilenceMs: number
  /**
   * Silence of an open watch after which the status is `in-sync`, unless that is proven earlier. A
   * watch that was open for this time works: see `failAgain`.
   */
  readonly settleMs: number
  /** A watch that is open for so long is healthy: what failed before is forgotten. */
  readonly healthyMs: number
  /** A reader whose position is ahead of the watch for so long makes the syncer list at it. */
  readonly aheadMs: number
}

/** The default limits. */
export const SYNCER_LIMITS: SyncerLimits = {
  // A second of a source that commits 1,000 times a second, and memory that a small machine has.
  queueEventsMax: 1_000,
  queueBytesMax: 16 * 1_048_576,
  batchCommitsMax: 1_000,
  errorsMax: 5,
  backoffMinMs: 250,
  backoffMaxMs: 30_000,
  // A thousand hubs ask an etcd that has just come back a thousand times a second.
  askMaxMs: 2_000,
  staleAfterMs: 0,
  // As Typha's: a source that cannot be watched for long is not listed without end.
  listMinMs: 500,
  pollMs: 5_000,
  // Twice what etcd itself allows a request.
  askMs: 15_000,
  listSilenceMs: 60_000,
  watchSilenceMs: 60_000,
  settleMs: 1_000,
  healthyMs: 10_000,
  // Well within the 10 s that a hub lets a reader wait.
  aheadMs: 2_000,
}
