export { seededRandom, type Random } from '../../domain/random.ts'
