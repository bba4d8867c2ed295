/** How this machine reaches what listens there: every address is also the loopback one, and IPv6 goes in brackets. */
export function originOf(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}
