import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll } from 'vitest'

/** A real run of the models on this machine, with a folder of its own. */
export interface Run {
  url: string
  /** Ends the processes in order, and waits for that. */
  stop(): Promise<void>
  /** Ends the processes, but keeps the folder; `up` begins again at the same address. */
  down(): Promise<void>
  up(): Promise<void>
  /** What one of its programs logged. */
  log(program: string): Promise<string>
}

const bin = process.env.MODELFN_BIN ?? resolve(import.meta.dirname, '../../../../bin')

/** Begins a run: four replicas of each model, and, with a token, writes for whoever shows it. */
export async function startRun({ token = '', replicas = 4 } = {}): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'modelfn-page-'))
  const args = ['--replicas', String(replicas), '--data', folder, '-o', 'json']
  if (token !== '') {
    const tokens = join(folder, 'tokens.txt')
    await writeFile(tokens, `alice sha256:${createHash('sha256').update(token).digest('hex')}\n`)
    args.push('--tokens', tokens)
  }
  let { child, url } = await begin('127.0.0.1:0', args, token)
  return {
    get url() {
      return url
    },
    down: () => end(child),
    log: (program) => readFile(join(folder, 'logs', `${program}.log`), 'utf8'),
    async up() {
      ;({ child, url } = await begin(new URL(url).host, args, token))
    },
    async stop() {
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function begin(listen: string, args: string[], token: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(join(bin, 'modelfn'), ['run', '--listen', listen, ...args], {
    env: { ...process.env, MODELFN_TOKEN: token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('{')) return { child, url: (JSON.parse(line) as { url: string }).url }
  }
  throw new Error(`the run did not begin: ${said}`)
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve()
  return new Promise((ended) => {
    child.once('exit', () => ended())
    child.kill('SIGTERM')
  })
}

/** A run for all tests of a file. */
export function aRun(options?: Parameters<typeof startRun>[0]): { readonly url: string; readonly run: Run } {
  let run: Run
  beforeAll(async () => void (run = await startRun(options)))
  afterAll(() => run?.stop())
  return {
    get url() {
      return run.url
    },
    get run() {
      return run
    },
  }
}
