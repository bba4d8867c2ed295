// As small as each coding gets: what is served is compressed once.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** @param {string} code */
export const gzipped = (code) => gzipSync(code, { level: 9 })

/** @param {string} code */
export const brotlied = (code) =>
  brotliCompressSync(code, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(code),
    },
  })
