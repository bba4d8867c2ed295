import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { givenMetrics, labelValues, scrapeLabels, selectorsOf, type Metrics } from '../../tests/support/metrics.ts'
import { projectFile } from '../project.ts'

/** What the alerts, the board and the documents name is what the programs give, and each alert has its runbook. */

const text = (...path: string[]): string => readFileSync(projectFile(...path), 'utf8')

const rules = z
  .object({
    groups: z.array(
      z.object({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Waymark[A-Z][A-Za-z]+$/),
            expr: z.string(),
            for: z.string().optional(),
            labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
            annotations: z.strictObject({
              summary: z.string().min(10),
              description: z.string().min(30),
              runbook_url: z.string(),
            }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(text('infra', 'deploy', 'prometheus', 'alerts.yml')))
const alerts = rules.groups.flatMap((group) => group.rules)

const target = z.object({ expr: z.string(), refId: z.string(), datasource: z.object({ uid: z.string() }) })
const board = z
  .object({
    uid: z.string(),
    annotations: z.object({ list: z.array(z.object({ expr: z.string() })) }),
    panels: z.array(
      z.object({
        id: z.number(),
        type: z.enum(['row', 'stat', 'timeseries']),
        title: z.string(),
        description: z.string().optional(),
        gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
        targets: z.array(target).optional(),
      }),
    ),
  })
  .parse(JSON.parse(text('infra', 'deploy', 'grafana', 'boards', 'waymark.json')))
const panels = board.panels.filter(({ type }) => type !== 'row')

/** Series of others: Prometheus, node_exporter, the ClickHouse server. */
const foreign = [
  'up',
  'ALERTS',
  'node_filesystem_avail_bytes',
  'node_filesystem_size_bytes',
  'ClickHouseAsyncMetrics_DiskAvailable_default',
  'ClickHouseAsyncMetrics_DiskTotal_default',
  'ClickHouseAsyncMetrics_MaxPartCountForPartition',
]
let given: Metrics
beforeAll(async () => {
  given = await givenMetrics()
})

/** What an expression asks for that nobody gives: series, labels of ours, values of labels. */
function unknownIn(expression: string): string[] {
  return selectorsOf(expression).flatMap(({ metric, matchers }) => {
    if (foreign.includes(metric)) return []
    const labels = given.get(metric)
    if (labels === undefined) return [metric]
    return matchers.flatMap(({ label, values }) => {
      if ((scrapeLabels as readonly string[]).includes(label)) return []
      if (!labels.includes(label)) return [`${metric}{${label}}`]
      return values
        .filter((value) => !(labelValues[label]?.includes(value) ?? true))
        .map((value) => `${metric}{${label}="${value}"}`)
    })
  })
}

describe('what this test reads out of an expression', () => {
  it('is its series, labels and values', () => {
    expect(
      selectorsOf(
        'histogram_quantile(0.9, sum by (le, code) (rate(a_b_bucket{code=~"x|y", z="1"}[$__rate_interval])))',
      ),
    ).toEqual([
      {
        metric: 'a_b_bucket',
        matchers: [
          { label: 'code', values: ['x', 'y'] },
          { label: 'z', values: ['1'] },
        ],
      },
    ])
    expect(selectorsOf('a offset 1w > 5 and on () b unless c * 1e3').map(({ metric }) => metric)).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  it('shows what nobody gives', () => {
    expect(unknownIn('sum(waymark_events_accepted)')).toEqual(['waymark_events_accepted'])
    expect(unknownIn('waymark_events_refused_total{reason="bot"}')).toEqual(['waymark_events_refused_total{reason}'])
    expect(unknownIn('waymark_events_refused_total{code=~"too-many|none"}')).toEqual([
      'waymark_events_refused_total{code="none"}',
    ])
    expect(unknownIn('waymark_events_refused_total{code="too-many", program="api"}')).toEqual([])
  })
})

describe('the alerts', () => {
  it.each(alerts)('$alert asks for what is given, and has its runbook', ({ alert, expr, annotations }) => {
    expect(unknownIn(expr)).toEqual([])
    // Nothing that a caller chose, and nothing that nobody gives, is in the text.
    const labels = [...annotations.description.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    for (const label of labels) expect([...scrapeLabels, 'mountpoint', ...Object.keys(labelValues)]).toContain(label)
    expect(annotations.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`)
  })

  it('and the runbooks are the same, in the same order', () => {
    const runbooks = text('docs', 'operations.md')
      .split(/^#+ (?=\w)/m)
      .filter((part) => /^Waymark\w+\n/.test(part))
    expect(runbooks.map((part) => part.split('\n')[0])).toEqual(alerts.map(({ alert }) => alert))
    for (const [index, part] of runbooks.entries()) {
      expect(part).toContain(`*${alerts[index]?.labels.severity}.*`)
      for (const question of ['- **Look at**', '- **Do**', '- **Safe:**']) expect(part).toContain(question)
    }
  })

  it('are each shown to fire and to keep quiet', () => {
    const cases = z.object({
      tests: z.array(
        z.object({
          alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
        }),
      ),
    })
    const tested = ['alerts.test.yml', 'alerts-over-weeks.test.yml']
      .flatMap((file) => cases.parse(parse(text('infra', 'deploy', 'prometheus', file))).tests)
      .flatMap(({ alert_rule_test }) => alert_rule_test)
    for (const { alert } of alerts) {
      const counts = tested.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length)
      expect(
        counts.some((count) => count > 0),
        `${alert} fires`,
      ).toBe(true)
      expect(
        counts.some((count) => count === 0),
        `${alert} keeps quiet`,
      ).toBe(true)
    }
  })
})

describe('the board', () => {
  it('asks what is lost, late, refused and alive, in this order', () => {
    expect(board.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Is anything lost?',
      'Is anything late?',
      'Is anything refused?',
      'Is it alive?',
    ])
  })

  it.each(panels)('$title asks for what is given', ({ targets = [], description }) => {
    expect(description).toBeDefined()
    expect(targets.length).toBeGreaterThan(0)
    for (const { expr, datasource } of targets) {
      expect(unknownIn(expr)).toEqual([])
      expect(text('infra', 'deploy', 'grafana', 'provisioning', 'datasources', 'prometheus.yml')).toContain(
        `uid: ${datasource.uid}\n`,
      )
    }
  })

  it('has its panels beside each other, not on top', () => {
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length)
    const cells = board.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24)
      return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`)
    })
    expect(new Set(cells).size).toBe(cells.length)
  })

  it('has every series of ours that says that something is wrong, as the alerts do', () => {
    const shown = new Set(
      panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)),
      ),
    )
    const alerted = alerts.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric))
    expect(
      alerted.filter(
        (metric) => metric.startsWith('waymark_') && !/_(bucket|count)$/.test(metric) && !shown.has(metric),
      ),
    ).toEqual([])
  })
})

describe('the documents', () => {
  it.each(['operations.md', 'kafka.md', 'performance.md', 'command-line.md'])(
    '%s names metrics that there are',
    (name) => {
      const named = [...text('docs', name).matchAll(/\bwaymark_[a-z_]+\b/g)].map(([metric]) => metric)
      const families = [...given.keys()].map((metric) => metric.replace(/_(bucket|sum|count)$/, ''))
      expect(named.filter((metric) => !given.has(metric) && !families.includes(metric))).toEqual([])
    },
  )
})
