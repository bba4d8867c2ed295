import { InvalidArgumentError, type Command } from 'commander'
import { CommandError } from '../connection.ts'
import type { Cli } from '../main.ts'
import { importFile, type ImportFormat } from './command.ts'

interface Flags {
  readonly format?: string
  readonly gzip?: true
  readonly service?: string
  readonly journeyColumn: string
  readonly stepColumn: string
  readonly atColumn: string
  readonly idColumn?: string
  readonly seqColumn?: string
  readonly typeColumn?: string
  readonly outcomeColumn?: string
  readonly channelColumn?: string
  readonly fieldColumn?: string
  readonly codeColumn?: string
  readonly ratingColumn?: string
  readonly engagedColumn?: string
  readonly delimiter: string
  readonly attr: Readonly<Record<string, string>>
  readonly refused?: string
}

/** `waymark import FILE`. */
export function addImport(waymark: Command, cli: Cli): void {
  waymark
    .command('import')
    .description(
      'puts the events of a file in; run again it goes on where it stopped, and a file twice changes nothing',
    )
    .argument('<file>', 'NDJSON, CSV or XES, gzip or not; - for standard input')
    .option('--format <name>', 'ndjson, csv or xes; by the name of the file when left out')
    .option('--gzip', 'is compressed; by the name of the file when left out')
    .option('--service <id>', 'the service that the events are of (CSV, XES)')
    .option('--journey-column <name>', 'CSV: the journey', 'journey')
    .option('--step-column <name>', 'CSV: the step', 'step')
    .option('--at-column <name>', 'CSV: the time, ISO 8601 with an offset or ms since 1970', 'at')
    .option('--id-column <name>', 'CSV: the id of the event')
    .option('--seq-column <name>', 'CSV: the order of events at the same time')
    .option('--type-column <name>', 'CSV: the type of the event; a step when left out')
    .option('--outcome-column <name>', 'CSV: the outcome')
    .option('--channel-column <name>', 'CSV: the channel')
    .option('--field-column <name>', 'CSV: the field of an error')
    .option('--code-column <name>', 'CSV: the code of an error')
    .option('--rating-column <name>', 'CSV: the rating of feedback, 1 to 5')
    .option('--engaged-column <name>', 'CSV: the attention of a leave, in milliseconds')
    .option('--delimiter <character>', 'CSV: between the columns', ',')
    .option(
      '--attr <dimension=column>',
      'a dimension of the service, from a column or an XES attribute; may be repeated',
      attribute,
      {},
    )
    .option('--refused <file>', 'writes every refused line there, as NDJSON')
    .action(async (file: string, flags: Flags) => {
      const gzip = flags.gzip ?? file.endsWith('.gz')
      const format = formatOf(file, flags)
      await cli.connected(async (connection) => {
        cli.tell(`into ${connection.to}`)
        const { records, accepted, refused } = await importFile(
          { file, gzip, format, refusedFile: flags.refused },
          {
            connection,
            stdin: process.stdin,
            terminal: process.stderr.isTTY,
            now: () => Date.now(),
            wait: cli.wait,
            stopped: cli.stopped,
            tell: (line) => cli.tell(line),
          },
        )
        cli.print(`${records} events read, ${accepted} durable, ${refused} refused`)
        if (refused > 0) cli.fail()
      })
    })
}

function attribute(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const split = text.indexOf('=')
  if (split < 1 || split === text.length - 1) throw new InvalidArgumentError('expected dimension=column')
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) }
}

function formatOf(file: string, flags: Flags): ImportFormat {
  const kind = flags.format ?? /\.(ndjson|jsonl|csv|xes)(\.gz)?$/.exec(file)?.[1]?.replace('jsonl', 'ndjson')
  if (kind === 'ndjson') return { kind }
  if (kind !== 'csv' && kind !== 'xes')
    throw new CommandError('the format is not known: expected --format ndjson, csv or xes', 2)
  const { service, attr: attrs } = flags
  if (service === undefined)
    throw new CommandError(`--service is missing: a ${kind} file does not say which service its events are of`, 2)
  if (kind === 'xes') return { kind, service, attrs }
  return {
    kind,
    service,
    attrs,
    journey: flags.journeyColumn,
    step: flags.stepColumn,
    at: flags.atColumn,
    id: flags.idColumn,
    seq: flags.seqColumn,
    type: flags.typeColumn,
    outcome: flags.outcomeColumn,
    channel: flags.channelColumn,
    field: flags.fieldColumn,
    code: flags.codeColumn,
    rating: flags.ratingColumn,
    engaged: flags.engagedColumn,
    delimiter: flags.delimiter,
  }
}
