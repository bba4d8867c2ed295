// `node infra/bin/start.cjs NAME …`: as launch.js, for programs that ask the engine in process. A statement there
// occupies a thread of Node's pool until it ends, and the pool has four: with as many long queries no event could be
// fsynced, since that is work for the same pool. Its size is read when it is first used, which reading a module
// is; so it is set here, before there is any, in a file of the old kind, which is read without the pool.
process.env.UV_THREADPOOL_SIZE ??= '16'
void import('./launch.js')
