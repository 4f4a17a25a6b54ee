/**
 * Milliseconds within which a test takes an end for prompt. The product's own limit for a cancel is two seconds; the
 * rest is for a machine that does other work too. What is ended in these tests would go on for minutes.
 */
export const promptMs = 10_000
