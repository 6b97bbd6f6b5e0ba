import { words } from '../i18n/language'

export const paramsWords = words({ current: 'Current params' }, { current: '当前参数' })
