import { words } from '../i18n/language'
import type { Flaw } from './table'

export const manyWords = words(
  {
    title: 'Many at once',
    paste: 'Paste a table, or drop a file here',
    hint: 'CSV with or without a header line, cells from a spreadsheet, or JSON.',
    notKept: 'A table as long as this one is gone when the page is loaded anew.',
    file: 'Choose a file',
    clear: 'Clear',
    undo: 'Bring back what was there',
    unreadable: (file: string) => `${file} cannot be read`,
    wrong: 'This table cannot be read; nothing was asked',
    flaw: (flaw: Flaw): string => {
      switch (flaw.kind) {
        case 'json':
          return `Not JSON: ${flaw.reason}`
        case 'empty':
          return 'It has no rows.'
        case 'tooMany':
          return `It has more than ${flaw.most} rows.`
        case 'missing':
          return `There is no column ${flaw.column}.`
        case 'width':
          return `Line ${flaw.line} has ${flaw.has} values instead of ${flaw.wants}.`
        case 'number':
          return `Line ${flaw.line}, ${flaw.column}: “${flaw.text}” is no number.`
      }
    },
    rows: (n: string) => (n === '1' ? '1 answer' : `${n} answers`),
    version: (model: string, versions: string) => `${model}: ${versions}`,
    answers: 'Answers',
    look: 'Show',
    lookAt: (row: number) => `Show row ${row} in the chart`,
    more: (shown: string, all: string) => `The first ${shown} of ${all}; the download has all.`,
  },
  {
    title: '批量预测',
    paste: '粘贴表格，或将文件拖放到此处',
    hint: '支持带或不带表头的 CSV、电子表格单元格，或 JSON。',
    notKept: '表格过长，重新加载页面后不会保留。',
    file: '选择文件',
    clear: '清空',
    undo: '恢复原来的表格',
    unreadable: (file) => `无法读取 ${file}`,
    wrong: '无法读取该表格，未发送任何请求',
    flaw: (flaw) => {
      switch (flaw.kind) {
        case 'json':
          return `不是有效的 JSON：${flaw.reason}`
        case 'empty':
          return '没有数据行。'
        case 'tooMany':
          return `超过 ${flaw.most} 行。`
        case 'missing':
          return `缺少列 ${flaw.column}。`
        case 'width':
          return `第 ${flaw.line} 行有 ${flaw.has} 个值，应为 ${flaw.wants} 个。`
        case 'number':
          return `第 ${flaw.line} 行，${flaw.column}：“${flaw.text}”不是数字。`
      }
    },
    rows: (n) => `${n} 个结果`,
    version: (model, versions) => `${model}：${versions}`,
    answers: '结果',
    look: '查看',
    lookAt: (row) => `在图中查看第 ${row} 行`,
    more: (shown, all) => `显示 ${all} 行中的前 ${shown} 行；下载包含全部。`,
  },
)
