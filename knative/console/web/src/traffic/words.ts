import { words } from '../i18n/language'

export const trafficWords = words({ revisions: 'Revisions' }, { revisions: '版本' })
