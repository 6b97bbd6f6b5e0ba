import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { ModelInfo, ModelList } from '../src/contract'
import { ask } from './server'

/* The console on a cluster, as hack/deploy leaves it, and what one does there beside the page. */

export const url = process.env.MODELFN_URL ?? ''

/** Of knative/config/overlays/dev. */
export const token = 'dev-token'
export const owner = 'dev'

const root = resolve(import.meta.dirname, '../../../..')

/** Deploys a model with lines added to its function.yaml, and returns its newest revision. Without lines it is as it was. */
export function deploy(model: string, lines: string, ...flags: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'modelfn-page-'))
  try {
    const file = join(folder, 'function.yaml')
    writeFileSync(file, `${readFileSync(join(root, 'functions', model, 'function.yaml'), 'utf8')}${lines}\n`)
    const args = ['deploy', '--file', file, '--images', join(root, 'out/cluster/images.json'), '--output', 'json', ...flags]
    const out = execFileSync(join(root, 'bin/modelfn'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    return (JSON.parse(out) as { revision: string }[])[0]!.revision
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the console knows of a model. */
export async function modelOf(name: string): Promise<ModelInfo> {
  const { models } = (await (await ask(url, '/api/models')).json()) as ModelList
  return models.find((m) => m.name === name)!
}

/** Opens a place for who is signed in. */
export async function signedIn(page: Page, hash: string): Promise<Page> {
  await page.addInitScript(([token, name]) => sessionStorage.setItem('modelfn.token', JSON.stringify({ token, name })), [token, owner])
  await page.goto(url + hash)
  return page
}
