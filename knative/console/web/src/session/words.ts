import { words } from '../i18n/language'

export const sessionWords = words(
  {
    signIn: 'Sign in',
    signOut: 'Sign out',
    signedIn: (name: string) => `Signed in as ${name}`,
    why: 'Everybody may look. To change something, show a token that the registry knows.',
    token: 'Token',
    kept: 'It is kept for this tab, until it is closed.',
    cancel: 'Cancel',
    showToken: 'Show a token',
    reader: 'You can look at everything. To change it, sign in.',
  },
  {
    signIn: '登录',
    signOut: '退出',
    signedIn: (name) => `已登录：${name}`,
    why: '所有人都可以查看。要修改内容，请提供注册中心认可的令牌。',
    token: '令牌',
    kept: '令牌只在此标签页中保留，关闭后即清除。',
    cancel: '取消',
    showToken: '提供令牌',
    reader: '您可以查看全部内容。如需修改，请先登录。',
  },
)
