import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { defaultLimits } from '../../domain/limits.ts'
import { rooms } from '../bin/build.js'
import { defaultPorts } from '../bin/ports.js'
import { clickHouseSettings } from '../clickhouse/settings.ts'
import { limitVariable, settings } from '../config.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { kafkaVersion } from '../local-kafka/jars.ts'
import { projectFile } from '../project.ts'

/** What compose.yaml, the image, the proxy and Prometheus say of the programs is what the programs say of themselves. */

const text = (...path: string[]): string => readFileSync(projectFile(...path), 'utf8')

const mapping = z.record(z.string(), z.string())
const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: mapping.optional(),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.enum(['service_healthy']) })).default({}),
  healthcheck: z.looseObject({ test: z.tuple([z.literal('CMD')], z.string()) }).optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  mem_limit: z.string().regex(/^(\$\{CLICKHOUSE_MEMORY:-)?\d+[mg]\}?$/),
  restart: z.literal('unless-stopped'),
})
const compose = z
  .looseObject({
    services: z.record(z.string(), service),
    volumes: z.record(z.string(), z.strictObject({})),
    networks: z.record(z.string(), z.looseObject({ internal: z.boolean().optional() })),
  })
  .parse(parse(text('compose.yaml'), { merge: true }))

/** Of our own image: its name in compose.yaml and which program it is. */
const ours = Object.entries(compose.services).flatMap(([name, one]) =>
  one.image.includes('WAYMARK_IMAGE') ? [{ name, program: one.command?.[0] ?? '', ...one }] : [],
)
const isProgram = (name: string): name is keyof typeof defaultPorts => name in defaultPorts
const portOf = (program: string): number | undefined => (isProgram(program) ? defaultPorts[program] : undefined)
/** `collector-1:8080` and the like, of the programs. */
const addresses = ours.map(({ name, program }) => `${name}:${portOf(program)}`)
const named = (document: string): string[] => [
  ...new Set([...document.matchAll(/\b(?:collector|processor|api)(?:-\d)?:\d+/g)].map(([address]) => address)),
]

describe('compose.yaml', () => {
  it('has several of what there may be several of', () => {
    const programs = ours.map(({ program }) => program)
    expect(programs.filter((program) => program === 'collector').length).toBeGreaterThan(1)
    expect(programs.filter((program) => program === 'processor').length).toBeGreaterThan(1)
    expect(programs).toContain('api')
    for (const program of programs) expect(portOf(program), program).toBeDefined()
  })

  it.each(ours)('gives $name only settings that there are, in values that are allowed', ({ environment = {} }) => {
    const known = {
      ...settings,
      ...kafkaSettings,
      ...clickHouseSettings,
      ...Object.fromEntries(Object.keys(defaultLimits).map((name) => [limitVariable(name), undefined])),
    }
    const example = (value: string): string =>
      value.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace(/\$\{\w+:\?[^}]*\}/g, '0123456789abcdef0123456789abcdef')
    for (const [name, value] of Object.entries(environment)) {
      expect(Object.keys(known)).toContain(name)
      const setting = new Map(Object.entries(known)).get(name)
      if (setting !== undefined) expect(setting.schema.safeParse(example(value)).success, `${name}=${value}`).toBe(true)
    }
  })

  it.each(ours)('gives $name all that a program apart needs, and no secret by default', ({ environment = {} }) => {
    for (const name of [
      'KAFKA_BROKERS',
      'CLICKHOUSE_URL',
      'WAYMARK_SECRET',
      'WAYMARK_ADMIN_KEY',
      'CLICKHOUSE_PASSWORD',
    ])
      expect(environment[name], name).toBeDefined()
    for (const name of ['WAYMARK_SECRET', 'WAYMARK_ADMIN_KEY', 'CLICKHOUSE_PASSWORD'])
      expect(environment[name]).toMatch(new RegExp(`^\\$\\{${name}:\\?`))
  })

  it('gives each program a volume of its own for its data', () => {
    const data = ours.map(({ volumes }) => volumes.filter((volume) => volume.endsWith(':/data')))
    for (const own of data) expect(own).toHaveLength(1)
    expect(new Set(data.flat()).size).toBe(ours.length)
  })

  it('names networks, volumes, services and files that there are', () => {
    for (const [name, one] of Object.entries(compose.services)) {
      for (const network of one.networks) expect(Object.keys(compose.networks), name).toContain(network)
      for (const other of Object.keys(one.depends_on)) expect(Object.keys(compose.services), name).toContain(other)
      for (const volume of one.volumes) {
        const [source = '', , mode] = volume.split(':')
        if (!source.startsWith('./')) expect(Object.keys(compose.volumes), name).toContain(source)
        else {
          expect(existsSync(projectFile(...source.slice(2).split('/'))), volume).toBe(true)
          expect(mode, volume).toBe('ro')
        }
      }
    }
  })

  it('runs the Kafka that is tested here', () => {
    expect(compose.services['kafka']?.image).toContain(`apache/kafka:${kafkaVersion}`)
  })

  it('checks the health of everything, and publishes to this machine alone by default', () => {
    for (const [name, one] of Object.entries(compose.services)) {
      if (!one.image.includes('WAYMARK_IMAGE')) expect(one.healthcheck, name).toBeDefined()
      for (const port of one.ports) expect(port, name).toMatch(/^\$\{\w+:-127\.0\.0\.1:\d+\}:\d+$/)
    }
    // Programs, log and database have no way out and none in.
    expect(compose.networks['inside']?.internal).toBe(true)
    for (const one of [...ours, compose.services['kafka'], compose.services['clickhouse']]) {
      expect(one?.networks).toEqual(['inside'])
      expect(one?.ports).toEqual([])
    }
  })
})

describe('what stands beside it', () => {
  it('the proxy sends to the collectors and the API, all of them, at their ports', () => {
    const proxied = ours
      .filter(({ program }) => program !== 'processor')
      .map(({ name, program }) => `${name}:${portOf(program)}`)
    expect(named(text('infra', 'deploy', 'Caddyfile')).sort()).toEqual(proxied.sort())
  })

  it('the proxy keeps what tells of the inside', () => {
    expect(text('infra', 'deploy', 'Caddyfile')).toContain('@inside path /metrics /healthz /readyz')
  })

  it('Prometheus asks every program, as what it is', () => {
    const prometheus = z
      .looseObject({
        scrape_configs: z.array(
          z.looseObject({
            job_name: z.string(),
            static_configs: z.array(z.looseObject({ targets: z.array(z.string()), labels: mapping.optional() })),
          }),
        ),
      })
      .parse(parse(text('infra', 'deploy', 'prometheus', 'prometheus.yml')))
    const asked = prometheus.scrape_configs
      .filter(({ job_name }) => job_name === 'waymark')
      .flatMap(({ static_configs }) => static_configs)
      .flatMap(({ targets, labels }) => targets.map((target) => [target, labels?.['program']]))
    expect(asked.sort()).toEqual(ours.map(({ name, program }) => [`${name}:${portOf(program)}`, program]).sort())
    expect(asked.map(([target]) => target).sort()).toEqual([...addresses].sort())
  })

  it('the image listens where programs do, as nobody special, and holds every room', () => {
    const dockerfile = text('infra', 'deploy', 'Dockerfile')
    const exposed = /^EXPOSE (.*)$/m.exec(dockerfile)?.[1]?.split(' ').map(Number)
    expect(exposed).toEqual([...new Set(Object.values(defaultPorts))])
    expect(dockerfile).toMatch(/^USER 1000:1000$/m)
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m)
    // Not through a shell, which would keep the signal to itself.
    for (const instruction of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'])
      expect(dockerfile).toMatch(new RegExp(`^${instruction} .*\\[".*"\\]$`, 'm'))
    const environment = new Set([...dockerfile.matchAll(/\b(WAYMARK_\w+)=/g)].map(([, name = '']) => name))
    for (const name of environment) expect(Object.keys(settings)).toContain(name)

    const context = text('.dockerignore').split('\n')
    expect(context.find((line) => line !== '' && !line.startsWith('#'))).toBe('*')
    const shipped = rooms.filter((room) => !room.startsWith('tests/'))
    for (const room of shipped) expect(context).toContain(`!${room}`)
  })
})
