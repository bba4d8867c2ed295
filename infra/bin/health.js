// `node infra/bin/health.js`: exits 0 while the program of this container lives, else 1 with the reason. It asks
// /healthz, as a container's health check without a shell or curl. It never asks /readyz: whoever is not ready (the brokers
// are away, say) would be started anew, which helps nobody.
import { defaultPorts } from './ports.js'

const timeoutMs = 4_000

const { WAYMARK_HOST: host = '127.0.0.1', WAYMARK_PORT: port } = process.env
const everywhere = ['0.0.0.0', '::', '[::]']
const address = everywhere.includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host

// A container runs one program: without a port that was set, it is the one that answers.
const ports = port === undefined ? [...new Set(Object.values(defaultPorts).map(String))] : [port]
const asked = await Promise.all(ports.map((one) => ask(`http://${address}:${one}/healthz`)))
if (!asked.includes(null)) {
  process.stderr.write(`${asked.join('; ')}\n`)
  process.exitCode = 1
}

/** @param {string} url @returns {Promise<string | null>} null when it lives */
async function ask(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
    await response.body?.cancel()
    return response.ok ? null : `${url}: ${response.status}`
  } catch (error) {
    const { message, cause } = /** @type {Error} */ (error)
    return `${url}: ${cause instanceof Error ? cause.message : message}`
  }
}
