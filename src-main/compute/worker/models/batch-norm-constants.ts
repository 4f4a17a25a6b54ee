/** Added to variances; PyTorch's default. */
export const epsilon = 1e-5
/** Weight of a whole batch in the moving averages; PyTorch's `momentum` (0.9 in the other convention). */
export const statisticsRate = 0.1
