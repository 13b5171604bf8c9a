# What R (r-base-core) says of the statistics in harness/statistics.h: the table
# that test_statistics.c compares with. R is an oracle of the tests only.
#
# usage: Rscript harness/tests/oracle.R >harness/tests/oracle.h

set.seed(20260101)
say <- function(...) cat(sprintf(...))
list_of <- function(x) paste(sprintf("%.10g", x), collapse = ", ")
number <- function(x) if (is.nan(x)) "NAN" else sprintf("%.17g", x)

say("/* Made by: Rscript harness/tests/oracle.R */\n#ifndef HARNESS_TESTS_ORACLE_H\n#define HARNESS_TESTS_ORACLE_H\n\n")

say("/* wilcox.test(a, b): W, p (exact without ties, else normal with correction), 95 %% interval of the shift */\n")
say("static const struct {\n\tsize_t n, m;\n\tdouble a[60], b[60], w, p, shift, lo, hi;\n} oracle_wilcoxon[] = {\n")
for (nm in list(c(1, 1), c(3, 3), c(5, 5), c(4, 9), c(8, 8), c(12, 7), c(20, 30), c(49, 49), c(55, 52))) {
	a <- round(exp(rnorm(nm[1], 2.0, 0.1)), 4)
	b <- round(exp(rnorm(nm[2], 2.05, 0.1)), 4)
	exact <- max(nm) < 50
	w <- suppressWarnings(wilcox.test(a, b, exact = exact, conf.int = TRUE))
	say("\t{ %d, %d, { %s }, { %s }, %.17g, %.17g, %s, %s, %s },\n", nm[1], nm[2], list_of(a), list_of(b),
	    w$statistic, w$p.value, number(if (exact) w$estimate else NaN), number(if (exact) w$conf.int[1] else NaN),
	    number(if (exact) w$conf.int[2] else NaN))
}
for (nm in list(c(5, 5), c(10, 12), c(30, 3))) {
	a <- sample(1:6, nm[1], TRUE)
	b <- sample(2:8, nm[2], TRUE)
	w <- suppressWarnings(wilcox.test(a, b, exact = FALSE))
	say("\t{ %d, %d, { %s }, { %s }, %.17g, %.17g, NAN, NAN, NAN },\n", nm[1], nm[2], list_of(a), list_of(b),
	    w$statistic, w$p.value)
}
say("};\n\n/* p.adjust(p, 'holm') */\n")
p <- c(0.01, 0.02, 0.03, 0.04, 0.005, 0.9, 0.5, 0.012)
say("static const double oracle_p[] = { %s };\nstatic const double oracle_holm[] = { %s };\n", list_of(p),
    list_of(p.adjust(p, "holm")))

say("\n/* 95 %% interval of the median of n values: rank of its lower end from 1, coverage, by qbinom and pbinom */\n")
say("static const struct {\n\tsize_t n, rank;\n\tdouble coverage;\n} oracle_median[] = {\n")
for (n in c(2, 3, 5, 6, 9, 10, 25, 100, 1000)) {
	k <- max(1, qbinom(0.025, n, 0.5))
	say("\t{ %d, %d, %.17g },\n", n, k, 1 - 2 * pbinom(k - 1, n, 0.5))
}
say("};\n\n/* pnorm(z) */\nstatic const struct {\n\tdouble z, p;\n} oracle_normal[] = {\n")
for (z in c(-37, -8, -2.5, -1.96, 0, 0.3, 3, 9)) say("\t{ %.17g, %.17g },\n", z, pnorm(z))
say("};\n\n/* pchisq(x, df, lower.tail = FALSE) */\nstatic const struct {\n\tdouble x, df, p;\n} oracle_chi_square[] = {\n")
for (v in list(c(0.1, 1), c(3.84, 1), c(10, 3), c(90, 99), c(150, 99), c(1200, 1000)))
	say("\t{ %.17g, %.17g, %.17g },\n", v[1], v[2], pchisq(v[1], v[2], lower.tail = FALSE))

# The stratified test: no oracle in base R, so its definition (van Elteren 1960) written once more.
say("};\n\n/* van Elteren's test of these strata, by its definition: z, p */\n")
set.seed(7)
strata <- lapply(list(c(3, 3), c(5, 5), c(4, 6), c(5, 4)), function(nm) list(round(rnorm(nm[1], 0), 3),
    round(rnorm(nm[2], 0.8), 3)))
top <- 0
below <- 0
for (s in strata) {
	n <- length(s[[1]])
	m <- length(s[[2]])
	u <- sum(outer(s[[1]], s[[2]], ">")) + sum(outer(s[[1]], s[[2]], "==")) / 2
	ties <- table(c(s[[1]], s[[2]]))
	top <- top + (u - n * m / 2) / (n + m + 1)
	below <- below + n * m / 12 * (n + m + 1 - sum(ties^3 - ties) / ((n + m) * (n + m - 1))) / (n + m + 1)^2
}
say("static const struct {\n\tsize_t n, m;\n\tdouble a[8], b[8];\n} oracle_strata[] = {\n")
for (s in strata) say("\t{ %d, %d, { %s }, { %s } },\n", length(s[[1]]), length(s[[2]]), list_of(s[[1]]), list_of(s[[2]]))
z <- top / sqrt(below)
say("};\nstatic const double oracle_strata_z = %.17g, oracle_strata_p = %.17g;\n\n#endif\n", z, 2 * pnorm(-abs(z)))
