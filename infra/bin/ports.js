/** Where each program listens when `WAYMARK_PORT` does not say otherwise. */
export const defaultPorts = { server: 8080, collector: 8080, api: 8081, processor: 8082 }
