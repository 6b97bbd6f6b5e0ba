import { type FormEvent, useState } from 'react'
import type { Tagged } from '../api'
import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { ReaderNotice } from '../session/SessionButton'
import { useSession } from '../session/session'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'
import { Notice, TroubleNotice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { Pill } from '../ui/Pill'
import { useGoOn } from '../ui/useGoOn'
import { Components } from './Components'
import { Conflict } from './Conflict'
import { Convergence } from './Convergence'
import style from './EditorForm.module.css'
import { Fields } from './Fields'
import { type Editor, useFirstWrong } from './useEditor'
import { paramsWords } from './words'

/** The form of a model's params, with what is to be said of it, and what can be done. */
export function EditorForm({ model, editor, onHeld }: { model: ModelInfo; editor: Editor; onHeld: (held: Tagged) => void }) {
  const w = useWords(paramsWords)
  const { mayWrite } = useSession()
  const [comparing, setComparing] = useState(false)
  const [heading, goOn] = useGoOn<HTMLHeadingElement>()
  const [followed, goOnFollowing] = useGoOn<HTMLParagraphElement>({ scrolls: true })
  const { ref, focusFirst } = useFirstWrong()
  const { behind, busy, dirty, readable, changes, base, content, message } = editor
  const wrong = Object.keys(editor.problems).length > 0

  async function submit(hold: boolean) {
    if (busy || !dirty) return
    if (!readable) return focusFirst()
    const written = await editor.save(hold)
    if (written && hold) onHeld(written)
    if (written) (hold ? goOn : goOnFollowing)()
    if (!written) {
      setComparing(true)
      focusFirst()
    }
  }

  function close() {
    setComparing(false)
    goOn()
  }

  return (
    <Panel title={w.form} heading={heading} aside={<Pill tone={dirty ? 'accent' : 'calm'}>{w.basedOn(base.version)}</Pill>}>
      <ReaderNotice />
      {base.held && <Notice tone="warn">{w.noCurrent}</Notice>}
      {behind && !(comparing && readable) && (
        <Notice
          tone="warn"
          title={w.overtaken(behind.document.version)}
          action={
            <Button disabled={!readable} onClick={() => setComparing(true)}>
              {w.compare}
            </Button>
          }
        >
          {!readable && w.correct}
        </Notice>
      )}
      {behind && comparing && readable && (
        <Conflict
          key={behind.document.version}
          base={base}
          mine={content}
          theirs={behind}
          onResolve={(content) => {
            editor.rebase(behind, content)
            close()
          }}
          onClose={close}
        />
      )}
      <form
        ref={ref}
        className={style.form}
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          void submit(false)
        }}
      >
        <Fields shape={editor.shape} typed={editor.typed} onType={editor.type} state={{ problems: editor.problems, places: editor.places, readOnly: !mayWrite, former: editor.former }} />
        <Components base={base} requires={editor.requires} readOnly={!mayWrite} onRequire={editor.require} />
        {editor.rest && (
          <Notice tone="bad" title={w.failed}>
            <code>{editor.rest}</code>
          </Notice>
        )}
        {editor.trouble && !behind && <TroubleNotice title={w.failed} trouble={editor.trouble} />}
        {mayWrite && (
          <div className={style.foot}>
            <Field className={style.message} label={w.message} hint={w.messageWhy} maxLength={300} value={message} onChange={(e) => editor.say(e.target.value)} />
            <div className={style.actions}>
              <p className={style.state} role="status">
                {!dirty ? w.unchanged : wrong ? w.correct : w.changed(changes)}
              </p>
              {(dirty || message !== '') && (
                <Button look="quiet" disabled={busy !== undefined} onClick={() => (editor.discard(), goOn())}>
                  {w.discard}
                </Button>
              )}
              <Button busy={busy === 'hold'} disabled={!dirty || busy === 'save'} title={w.holdWhy} onClick={() => void submit(true)}>
                {w.hold}
              </Button>
              <Button look="primary" type="submit" busy={busy === 'save'} disabled={!dirty || busy === 'hold'}>
                {w.submit}
              </Button>
            </div>
            {dirty && <p className={style.kept}>{w.kept}</p>}
          </div>
        )}
      </form>
      <Convergence model={model} title={followed} onClosed={goOn} />
    </Panel>
  )
}
