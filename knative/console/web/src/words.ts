import { words } from './i18n/language'

export const appWords = words(
  {
    skip: 'Skip to the content',
    nav: 'Main',
    models: 'Models',
    events: 'Events',
    lost: 'There is no such page',
    toModels: 'To the models',
    language: '中文',
    languageLabel: '切换到中文',
    languageTag: 'zh-CN',
    theme: { system: 'Theme: as the system has it', light: 'Theme: light', dark: 'Theme: dark' },
  },
  {
    skip: '跳到内容',
    nav: '主导航',
    models: '模型',
    events: '事件',
    lost: '没有这个页面',
    toModels: '查看模型',
    language: 'English',
    languageLabel: 'Switch to English',
    languageTag: 'en',
    theme: { system: '主题：跟随系统', light: '主题：浅色', dark: '主题：深色' },
  },
)
