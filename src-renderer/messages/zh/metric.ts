export const metric = {
  metric: {
    forgetAccuracy: { label: 'F 上的准确率', definition: '遗忘后模型正确分类的被遗忘图像的比例。' },
    gap: { label: '差距', definition: '被遗忘图像上的准确率减去黄金模型的：大于 0 为遗忘不足，小于 0 为遗忘过度。' },
    absGap: { label: '绝对差距', definition: '遗忘后模型与黄金模型所有配对的绝对差距的均值。' },
    gapFloor: { label: '绝对差距（黄金之间）', definition: '两个黄金模型之间的绝对差距：仅由随机造成。' },
    agreement: { label: '类别相同', definition: '遗忘后模型与黄金模型预测同一类别的被遗忘图像的比例。' },
    agreementFloor: { label: '类别相同（黄金之间）', definition: '两个黄金模型之间的同一比例。' },
    easyHardAgreement: { label: '对错一致', definition: '遗忘后模型与黄金模型同对或同错的被遗忘图像的比例。' },
    easyHardAgreementFloor: { label: '对错一致（黄金之间）', definition: '两个黄金模型之间的同一比例。' },
    jsDivergence: {
      label: 'JS 散度',
      definition: '遗忘后模型与黄金模型在被遗忘图像上输出的平均 JS 散度（nat）：0 为相同，最大 0.69。',
    },
    jsFloor: { label: 'JS 散度（黄金之间）', definition: '两个黄金模型之间的同一散度。' },
    klToGold: { label: '到黄金的 KL', definition: '从黄金模型输出到遗忘后模型输出的平均 KL 散度（nat）。' },
    activationDistance: { label: '激活距离', definition: '遗忘后模型与黄金模型概率向量的平均欧氏距离。' },
    retainAccuracy: { label: 'R 上的准确率', definition: '遗忘后模型正确分类的保留图像的比例。' },
    evaluationAccuracy: { label: 'E 上的准确率', definition: '它正确分类的、从未训练过的评估图像的比例。' },
    classEvaluationAccuracy: {
      label: 'E 中 F 类别的准确率',
      definition: '同上，仅限被遗忘类别的评估图像，按其构成加权。',
    },
    avgGap: { label: '平均差距', definition: '与黄金模型在 F、R、E 准确率及损失攻击 AUC 上绝对差的均值。' },
    tow: { label: 'ToW', definition: '一减去与黄金模型的各准确率差的乘积：1 即黄金模型本身。' },
    mia_loss_auc: {
      label: '损失攻击 AUC',
      definition: '损失区分被遗忘图像与未见图像的程度；应与黄金模型比较，而非与 0.5 比较。',
    },
    mia_loss_balancedAccuracy: { label: '损失攻击平衡准确率', definition: '损失在所有阈值下的最佳平衡准确率。' },
    mia_loss_tprAtFpr001: {
      label: '损失攻击，FPR 0.1 % 时的 TPR',
      definition: '至多 0.1 % 的未见图像被误认时，被认出的被遗忘图像的比例。',
    },
    mia_loss_tprAtFpr01: {
      label: '损失攻击，FPR 1 % 时的 TPR',
      definition: '至多 1 % 的未见图像被误认时，被认出的被遗忘图像的比例。',
    },
    mia_confidence_auc: { label: '置信度攻击 AUC', definition: '最大概率区分被遗忘图像与未见图像的程度。' },
    mia_confidence_balancedAccuracy: {
      label: '置信度攻击平衡准确率',
      definition: '最大概率在所有阈值下的最佳平衡准确率。',
    },
    mia_confidence_tprAtFpr001: {
      label: '置信度攻击，FPR 0.1 % 时的 TPR',
      definition: '假阳性 0.1 % 时由置信度认出的被遗忘图像的比例。',
    },
    mia_confidence_tprAtFpr01: {
      label: '置信度攻击，FPR 1 % 时的 TPR',
      definition: '假阳性 1 % 时由置信度认出的被遗忘图像的比例。',
    },
    mia_entropy_auc: { label: '熵攻击 AUC', definition: '输出的熵区分被遗忘图像与未见图像的程度。' },
    mia_entropy_balancedAccuracy: { label: '熵攻击平衡准确率', definition: '熵在所有阈值下的最佳平衡准确率。' },
    mia_entropy_tprAtFpr001: {
      label: '熵攻击，FPR 0.1 % 时的 TPR',
      definition: '假阳性 0.1 % 时由熵认出的被遗忘图像的比例。',
    },
    mia_entropy_tprAtFpr01: {
      label: '熵攻击，FPR 1 % 时的 TPR',
      definition: '假阳性 1 % 时由熵认出的被遗忘图像的比例。',
    },
    mia_margin_auc: { label: '间隔攻击 AUC', definition: '真实类别 logit 的间隔区分被遗忘图像与未见图像的程度。' },
    mia_margin_balancedAccuracy: { label: '间隔攻击平衡准确率', definition: '间隔在所有阈值下的最佳平衡准确率。' },
    mia_margin_tprAtFpr001: {
      label: '间隔攻击，FPR 0.1 % 时的 TPR',
      definition: '假阳性 0.1 % 时由间隔认出的被遗忘图像的比例。',
    },
    mia_margin_tprAtFpr01: {
      label: '间隔攻击，FPR 1 % 时的 TPR',
      definition: '假阳性 1 % 时由间隔认出的被遗忘图像的比例。',
    },
    mia_gap: { label: '损失攻击差距', definition: '损失攻击的 AUC 减去黄金模型的。' },
    streisand: {
      label: '史翠珊效应',
      definition: '损失高于未见图像第 99 百分位的被遗忘图像的比例，减去黄金模型的比例。',
    },
    zrf: { label: 'ZRF', definition: '一减去在被遗忘图像上与未训练网络的散度。' },
    cka: {
      label: '与黄金的 CKA',
      definition: '在评估图像上最后一层特征与黄金模型的相似度：1 表示除旋转和缩放外相同。',
    },
  },
}
