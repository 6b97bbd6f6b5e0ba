import { words } from '../i18n/language'

export const effectWords = words(
  {
    input: 'Input',
    output: 'Prediction',
    noSignature: 'It does not say what goes in, so there is no form for it.',
  },
  {
    input: '输入',
    output: '预测',
    noSignature: '该模型没有说明输入内容,因此无法生成表单。',
  },
)
