import type { Command } from 'commander'
import { CommandError, json } from './connection.ts'
import type { Cli } from './main.ts'

/** `waymark replay`: events through the event log again. */
export function addReplay(waymark: Command, cli: Cli): void {
  waymark
    .command('replay')
    .description('puts back what was set aside and the dead letters, or sends what was appended in a time again')
    .option('--from <time>', 'appended from this date or instant on; of a log in Kafka')
    .option('--to <time>', 'appended before this date or instant')
    .action(async (period: { from?: string; to?: string }) => {
      if ((period.from === undefined) !== (period.to === undefined))
        throw new CommandError('--from and --to need each other', 2)
      const query = new URLSearchParams(Object.entries(period)).toString()
      const path = query === '' ? '/v1/replay' : `/v1/replay?${query}`
      const { events, unreadable } = await cli.connected(
        async (connection) => json(await connection.request('POST', path)) as { events: number; unreadable: number },
      )
      cli.print(`${events} events sent again, ${unreadable} messages left that this version cannot read`)
      if (unreadable > 0) cli.fail()
    })
}
