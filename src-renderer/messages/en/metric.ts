export const metric = {
  metric: {
    forgetAccuracy: {
      label: 'Accuracy on F',
      definition: 'Share of forgotten images that the unlearned model classifies correctly.',
    },
    gap: {
      label: 'Gap',
      definition: 'Accuracy on the forgotten images minus the gold’s: above 0 under-forgotten, below 0 over-forgotten.',
    },
    absGap: {
      label: 'Absolute gap',
      definition: 'Mean of the absolute gaps over all pairs of unlearned model and gold.',
    },
    gapFloor: {
      label: 'Absolute gap, golds',
      definition: 'The absolute gap between two golds: what chance alone gives.',
    },
    agreement: {
      label: 'Same class',
      definition: 'Share of forgotten images for which unlearned model and gold predict the same class.',
    },
    agreementFloor: { label: 'Same class, golds', definition: 'The same share between two golds.' },
    easyHardAgreement: {
      label: 'Right and wrong alike',
      definition: 'Share of forgotten images that unlearned model and gold both get right or both get wrong.',
    },
    easyHardAgreementFloor: { label: 'Right and wrong alike, golds', definition: 'The same share between two golds.' },
    jsDivergence: {
      label: 'JS divergence',
      definition:
        'Mean Jensen-Shannon divergence between the outputs of unlearned model and gold on the forgotten images, in nats: 0 is the same, 0.69 the most.',
    },
    jsFloor: { label: 'JS divergence, golds', definition: 'The same divergence between two golds.' },
    klToGold: {
      label: 'KL to gold',
      definition: 'Mean Kullback-Leibler divergence from the gold’s output to the unlearned model’s, in nats.',
    },
    activationDistance: {
      label: 'Activation distance',
      definition: 'Mean Euclidean distance between the probability vectors of unlearned model and gold.',
    },
    retainAccuracy: {
      label: 'Accuracy on R',
      definition: 'Share of retained images that the unlearned model classifies correctly.',
    },
    evaluationAccuracy: {
      label: 'Accuracy on E',
      definition: 'Share of evaluation images, never trained on, that it classifies correctly.',
    },
    classEvaluationAccuracy: {
      label: 'Accuracy on E, F’s classes',
      definition: 'The same on evaluation images of the forgotten classes, weighted to their mix.',
    },
    avgGap: {
      label: 'Average gap',
      definition: 'Mean absolute difference to the gold in accuracy on F, R and E and in the loss attack’s AUC.',
    },
    tow: {
      label: 'Tug of war',
      definition: 'Product of one minus each accuracy difference to the gold: 1 is the gold itself.',
    },
    mia_loss_auc: {
      label: 'Loss attack, AUC',
      definition: 'How well the loss tells forgotten from unseen images; compare with the gold’s, not with 0.5.',
    },
    mia_loss_balancedAccuracy: {
      label: 'Loss attack, balanced accuracy',
      definition: 'Best balanced accuracy over all thresholds of the loss.',
    },
    mia_loss_tprAtFpr001: {
      label: 'Loss attack, TPR at 0.1 % FPR',
      definition: 'Share of forgotten images recognised while at most 0.1 % of the unseen ones are taken for them.',
    },
    mia_loss_tprAtFpr01: {
      label: 'Loss attack, TPR at 1 % FPR',
      definition: 'Share of forgotten images recognised while at most 1 % of the unseen ones are taken for them.',
    },
    mia_confidence_auc: {
      label: 'Confidence attack, AUC',
      definition: 'How well the greatest probability tells forgotten from unseen images.',
    },
    mia_confidence_balancedAccuracy: {
      label: 'Confidence attack, balanced accuracy',
      definition: 'Best balanced accuracy over all thresholds of the greatest probability.',
    },
    mia_confidence_tprAtFpr001: {
      label: 'Confidence attack, TPR at 0.1 % FPR',
      definition: 'Share of forgotten images recognised by confidence at 0.1 % false positives.',
    },
    mia_confidence_tprAtFpr01: {
      label: 'Confidence attack, TPR at 1 % FPR',
      definition: 'Share of forgotten images recognised by confidence at 1 % false positives.',
    },
    mia_entropy_auc: {
      label: 'Entropy attack, AUC',
      definition: 'How well the entropy of the output tells forgotten from unseen images.',
    },
    mia_entropy_balancedAccuracy: {
      label: 'Entropy attack, balanced accuracy',
      definition: 'Best balanced accuracy over all thresholds of the entropy.',
    },
    mia_entropy_tprAtFpr001: {
      label: 'Entropy attack, TPR at 0.1 % FPR',
      definition: 'Share of forgotten images recognised by entropy at 0.1 % false positives.',
    },
    mia_entropy_tprAtFpr01: {
      label: 'Entropy attack, TPR at 1 % FPR',
      definition: 'Share of forgotten images recognised by entropy at 1 % false positives.',
    },
    mia_margin_auc: {
      label: 'Margin attack, AUC',
      definition: 'How well the margin of the true class’s logit tells forgotten from unseen images.',
    },
    mia_margin_balancedAccuracy: {
      label: 'Margin attack, balanced accuracy',
      definition: 'Best balanced accuracy over all thresholds of the margin.',
    },
    mia_margin_tprAtFpr001: {
      label: 'Margin attack, TPR at 0.1 % FPR',
      definition: 'Share of forgotten images recognised by margin at 0.1 % false positives.',
    },
    mia_margin_tprAtFpr01: {
      label: 'Margin attack, TPR at 1 % FPR',
      definition: 'Share of forgotten images recognised by margin at 1 % false positives.',
    },
    mia_gap: { label: 'Loss attack, gap', definition: 'The loss attack’s AUC minus the gold’s.' },
    streisand: {
      label: 'Streisand effect',
      definition:
        'Share of forgotten images with a loss above the 99th percentile of unseen ones, minus the gold’s share.',
    },
    zrf: { label: 'ZRF', definition: 'One minus the divergence to an untrained network on the forgotten images.' },
    cka: {
      label: 'CKA to gold',
      definition:
        'Similarity of the last layer’s features to the gold’s on evaluation images: 1 is the same up to rotation and scale.',
    },
  },
}
