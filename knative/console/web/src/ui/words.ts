import { words } from '../i18n/language'

export const troubleWords = words(
  {
    retry: 'Try again',
    said: 'The server said:',
    after: (seconds: number) => `It asks to wait ${seconds} s.`,
    id: 'In its log:',
    gone: 'Nobody answers. The server may be down, or the network.',
    slow: 'No answer in time.',
    signIn: 'This needs a token that is known here.',
    forbidden: 'This token may not do that.',
    conflict: 'Somebody else changed it first.',
    busy: 'It is busy or not ready just now.',
    refused: 'That was refused.',
    broken: 'Something broke on the server.',
    stopped: 'Stopped.',
  },
  {
    retry: '重试',
    said: '服务器回答：',
    after: (seconds) => `请等待 ${seconds} 秒。`,
    id: '日志编号：',
    gone: '没有回应。服务器可能已停止，或网络中断。',
    slow: '未能及时得到回答。',
    signIn: '此操作需要有效的令牌。',
    forbidden: '此令牌无权执行该操作。',
    conflict: '已被他人先行修改。',
    busy: '暂时繁忙或尚未就绪。',
    refused: '请求被拒绝。',
    broken: '服务器出错。',
    stopped: '已停止。',
  },
)

export const uiWords = words(
  { close: 'Close', slow: 'Still waiting for the server…', loading: 'Loading…', broke: 'This part of the page broke.', missing: 'This part of the page did not come.', again: 'Start it again' },
  { close: '关闭', slow: '仍在等待服务器…', loading: '加载中…', broke: '页面的这一部分出错了。', missing: '页面的这一部分未能加载。', again: '重新加载' },
)
