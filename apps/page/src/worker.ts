/**
 * The shared worker of the page: it holds one stream for all tabs of a hub. A hub over HTTP/1.1
 * would else leave the seventh tab without one.
 *
 * @module
 */
import "@headwater/client/shared/worker"
