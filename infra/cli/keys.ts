import type { Command } from 'commander'
import type { Key } from '../../domain/key.ts'
import { json } from './connection.ts'
import type { Cli } from './main.ts'

/** `waymark keys create | list | revoke`. */
export function addKeys(waymark: Command, cli: Cli): void {
  const keys = waymark.command('keys').description('secret keys')
  keys
    .command('create')
    .description('makes a key and prints its secret, once')
    .requiredOption('--name <name>', 'what it is for')
    .requiredOption('--scope <scope...>', 'ingest, read, admin; one or more')
    .option('--service <id>', 'for one service only')
    .option('--department <id>', 'for one department only')
    .action(
      ({
        name,
        scope,
        service,
        department,
      }: {
        name: string
        scope: string[]
        service?: string
        department?: string
      }) =>
        cli.connected(async (connection) => {
          const body = JSON.stringify({ name, scopes: scope, service, department })
          const made = json(await connection.request('POST', '/v1/keys', { text: body, type: 'application/json' }))
          const { id, secret } = made as { id: string; secret: string }
          cli.tell(`key ${id}; its secret is shown once:`)
          cli.print(secret)
        }),
    )
  keys
    .command('list')
    .description('the keys that there are, by the first characters of their secrets')
    .action(() =>
      cli.connected(async (connection) => {
        const { keys: list } = json(await connection.request('GET', '/v1/keys')) as { keys: Key[] }
        for (const { id, prefix, name, scopes, service, department } of list)
          cli.print(
            `${id}  ${prefix}…  ${JSON.stringify(name)}  ${scopes.join(', ')}${service === undefined ? '' : `  service ${service}`}${department === undefined ? '' : `  department ${department}`}`,
          )
      }),
    )
  keys
    .command('revoke')
    .description('ends a key at once')
    .argument('<id>', 'as listed')
    .action((id: string) =>
      cli.connected(async (connection) => {
        json(await connection.request('DELETE', `/v1/keys/${encodeURIComponent(id)}`))
        cli.print(`${id} revoked`)
      }),
    )
}
