import { words } from '../i18n/language'

export const modelWords = words(
  {
    version: (v: number) => `params v${v}`,
    tab: { effect: 'Effect', params: 'Params', traffic: 'Versions and traffic' },
    unknown: (name: string) => `There is no model ${name} here`,
    mayCome: 'Should it come, this page shows it.',
  },
  {
    version: (v) => `参数 v${v}`,
    tab: { effect: '效果', params: '参数', traffic: '修订版本与流量' },
    unknown: (name) => `这里没有模型 ${name}`,
    mayCome: '一旦出现，本页会自动显示。',
  },
)
