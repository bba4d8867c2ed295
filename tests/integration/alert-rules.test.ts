import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { projectFile } from '../../infra/project.ts'

/** What Prometheus itself says of its settings, of the alert rules over recorded series, and of what the board asks. */

const run = promisify(execFile)
const folder = projectFile('infra', 'deploy', 'prometheus')

function isThere(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** @returns what it said; rejects with it when anything is wrong */
async function promtool(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run('promtool', args, { cwd: folder })
  return `${stdout}${stderr}`
}

const made = mkdtempSync(join(tmpdir(), 'waymark-rules-'))
afterAll(() => rmSync(made, { recursive: true, force: true }))

describe.skipIf(!isThere())('promtool', () => {
  it('takes the settings with the rules', async () => {
    expect(await promtool('check', 'config', 'prometheus.yml')).toContain('prometheus.yml is valid')
  })

  it.each(['alerts.test.yml', 'alerts-over-weeks.test.yml'])('sees alerts fire and keep quiet: %s', async (file) => {
    expect(await promtool('test', 'rules', file)).toContain('SUCCESS')
  })

  it('finds an alert that no longer fires', async () => {
    const rules = readFileSync(join(folder, 'alerts.yml'), 'utf8')
    const late = 'expr: max(waymark_log_pending_seconds) > 60\n'
    expect(rules).toContain(late)
    writeFileSync(join(made, 'alerts.yml'), rules.replace(late, late.replace('60', '6000')))
    writeFileSync(join(made, 'test.yml'), readFileSync(join(folder, 'alerts.test.yml')))
    const said = await promtool('test', 'rules', join(made, 'test.yml')).catch(
      (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
    )
    expect(said).toMatch(/FAILED[\s\S]*alertname: WaymarkAnswersLate/)
    expect(said).not.toContain('alertname: WaymarkDeadLetters')
  })

  it('takes every expression of the board', async () => {
    const board = z
      .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) })) })
      .parse(JSON.parse(readFileSync(projectFile('infra', 'deploy', 'grafana', 'boards', 'waymark.json'), 'utf8')))
    // Grafana puts a duration for these.
    const expressions = board.panels
      .flatMap(({ targets }) => targets)
      .map(({ expr }) => expr.replaceAll(/\$__(rate_interval|range)/g, '5m'))
    const rules = expressions.map((expr, index) => ({ record: `board:${index}`, expr }))
    // JSON is YAML.
    writeFileSync(join(made, 'board.yml'), JSON.stringify({ groups: [{ name: 'board', rules }] }))
    expect(await promtool('check', 'rules', join(made, 'board.yml'))).toContain(`${expressions.length} rules found`)
  })
})
