#!/usr/bin/env node
// `npx waymark …`: the command line.
process.argv.splice(2, 0, 'waymark')
await import('./launch.js')
