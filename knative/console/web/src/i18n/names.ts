import { useLanguage } from './language'

/**
 * What the samples say of themselves, in Chinese. A model brings its texts in one language, so those that are
 * known here are translated, and any other is shown as it came.
 */
const known: Record<string, string> = {
  'Predicts a quantile of the progression of diabetes one year on, from body mass index, blood pressure and triglycerides.':
    '由体重指数、血压和甘油三酯预测一年后糖尿病进展的分位数。',
  'Standardizes bmi, bp and s5: how many standard deviations each is above its mean.': '将 bmi、bp 和 s5 标准化：各自高于均值多少个标准差。',
  'body mass index': '体重指数',
  'average blood pressure': '平均血压',
  'logarithm of the serum triglycerides level': '血清甘油三酯水平的对数',
  "a measure of the disease's progression after one year": '一年后疾病进展的度量',
  'the coefficients of bmi, bp and s5, standardized: the change of the prediction per standard deviation':
    'bmi、bp 和 s5 标准化后的系数：每个标准差带来的预测变化',
  'the prediction for a patient with the mean of every feature': '各特征均为平均值的患者的预测值',
  'the share of patients that the prediction is to be above': '预测值应高于的患者比例',
}

/** The name of a model for people: "Model A" (模型 A) for model-a; any other name as it is. */
export function useModelName(): (name: string) => string {
  const zh = useLanguage() === 'zh'
  return (name) => {
    const [, kind, letter] = /^(model|component)-([a-z])$/.exec(name) ?? []
    if (!kind || !letter) return name
    const noun = kind === 'model' ? (zh ? '模型' : 'Model') : zh ? '组件' : 'Component'
    return `${noun} ${letter.toUpperCase()}`
  }
}

/** A model's own text in the person's language, where it is known. */
export function useTranslated(): (text: string | undefined) => string {
  const zh = useLanguage() === 'zh'
  return (text = '') => (zh && known[text]) || text
}
