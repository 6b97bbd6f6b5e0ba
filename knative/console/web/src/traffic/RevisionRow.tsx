import type { Ref } from 'react'
import type { Revision } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Field } from '../ui/Field'
import { Pill } from '../ui/Pill'
import { useNow } from '../ui/useNow'
import { Mark } from './SplitBar'
import { percentIn, type Row, type RowProblem } from './split'
import style from './TrafficTab.module.css'
import { trafficWords } from './words'

interface Props {
  row: Row
  revision: Revision
  colour: number
  problem: RowProblem | undefined
  /** What the server has against it; '' if nothing. */
  refused: string
  readOnly: boolean
  /** Its name, where the focus may go on. */
  heading?: Ref<HTMLHeadingElement>
  onType: (part: Partial<Row>) => void
  /** Called with a share of this one that the others make room for. */
  onGive: (percent: number) => void
}

/** A revision: what it is, how it is, and what it gets. */
export function RevisionRow({ row, revision, colour, problem, refused, readOnly, heading, onType, onGive }: Props) {
  const w = useWords(trafficWords)
  const { ago, moment } = useFormat()
  const now = useNow()
  const { name, image, paramsVersion, ready, reason, pods, created } = revision
  const tagProblem = problem === 'badTag' || problem === 'tagTwice'
  const said = problem ? w.problem[problem] : refused
  return (
    <li className={style.row} aria-label={name}>
      <div>
        <div className={style.head}>
          <Mark colour={colour} />
          <h3 ref={heading} tabIndex={heading ? -1 : undefined}>
            {name}
          </h3>
          <Pill tone={ready ? 'good' : 'bad'} dot>
            {ready ? w.ready : w.notReady}
          </Pill>
          {pods >= 0 && <Pill>{pods === 0 ? w.zero : w.pods(pods)}</Pill>}
        </div>
        {reason && <p className={style.reason}>{reason}</p>}
        <dl className={style.facts}>
          <div>
            <dt>{w.params}</dt>
            <dd>{paramsVersion > 0 ? w.pinned(paramsVersion) : w.follows}</dd>
          </div>
          <div>
            <dt>{w.age}</dt>
            <dd>
              <time dateTime={created} title={moment(created)}>
                {ago(created, now)}
              </time>
            </dd>
          </div>
          <div>
            <dt>{w.image}</dt>
            <dd title={image}>
              <code>{shortImage(image)}</code>
            </dd>
          </div>
        </dl>
      </div>
      <div className={style.set}>
        <Field
          label={`${w.share} %`}
          aria-label={w.shareOf(name)}
          inputMode="numeric"
          autoComplete="off"
          readOnly={readOnly}
          value={row.percent}
          error={tagProblem ? '' : said}
          onChange={(e) => onType({ percent: e.target.value })}
        />
        <Field label={w.tags} aria-label={w.tagsOf(name)} autoComplete="off" spellCheck={false} readOnly={readOnly} value={row.tags} error={tagProblem ? said : ''} onChange={(e) => onType({ tags: e.target.value })} />
        <input type="range" min={0} max={100} step={1} aria-label={w.sliderOf(name)} disabled={readOnly || !ready} value={percentIn(row.percent) || 0} onChange={(e) => onGive(e.target.valueAsNumber)} />
      </div>
    </li>
  )
}

/** An image's own name and the beginning of its digest, without where it lies. */
export function shortImage(image: string): string {
  const [name = '', digest = ''] = image.split('@')
  const own = name.split('/').at(-1) ?? name
  return digest ? `${own}@${digest.slice(0, 19)}…` : own
}
