import { words } from '../i18n/language'

export const liveWords = words(
  {
    broken: 'The server does not answer',
    old: (time: string) => `What you see is from ${time}. Trying again…`,
    trying: 'Trying again…',
    away: 'The registry of params does not answer; what you see of params may be old.',
  },
  {
    broken: '服务器没有回应',
    old: (time) => `当前显示的是 ${time} 的内容，正在重试…`,
    trying: '正在重试…',
    away: '参数注册中心没有回应；显示的参数信息可能已过时。',
  },
)
