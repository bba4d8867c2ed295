import { it } from 'vitest'
import { annotationsContract, fillAnnotations } from '../contract/annotations.ts'
import { movableClock } from '../contract/registry.ts'
import { openMemoryAnnotations } from './memory-annotations.ts'

annotationsContract('annotations in memory', async ({ clock }) => openMemoryAnnotations({ clock }))

it('annotations in memory are as many as they may be', () =>
  fillAnnotations(openMemoryAnnotations({ clock: movableClock(0) })))
