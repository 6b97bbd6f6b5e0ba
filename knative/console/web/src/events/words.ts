import { words } from '../i18n/language'

export const eventsWords = words(
  { title: 'Events', lead: 'Who changed which params, and when.', log: 'Changes of params' },
  { title: '事件', lead: '谁在什么时候修改了哪些参数。', log: '参数变更' },
)
