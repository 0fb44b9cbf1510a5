# Writes results.csv, which the tests in this folder read. Run in this folder: Rscript sessions.R
# Made with R 4.2.2, survival 3.5-3, cmprsk 2.2-11 (Debian 12). competing.csv is simulated, with ties in `day` and
# without in `duration`; aml is the acute myelogenous leukemia data of Miller (1981) that `survival` ships.
suppressMessages({library(survival); library(cmprsk)})

out <- data.frame(name = character(), value = numeric())
put <- function(name, value) out <<- rbind(out, data.frame(name = name, value = as.numeric(value)))

difference <- survdiff(Surv(time, status) ~ x, aml)
put("aml logrank chisq", difference$chisq)
fit <- survfit(Surv(time, status) ~ x, aml, conf.type = "log-log")
for (arm in 1:2) {
  s <- summary(fit[arm], times = c(9, 13, 23))
  for (i in seq_along(s$time)) {
    put(paste("aml km", arm, s$time[i], "survival"), s$surv[i])
    put(paste("aml km", arm, s$time[i], "lower"), s$lower[i])
    put(paste("aml km", arm, s$time[i], "upper"), s$upper[i])
  }
  put(paste("aml km", arm, "median"), summary(fit)$table[arm, "median"])
  put(paste("aml km", arm, "median lower"), summary(fit)$table[arm, "0.95LCL"])
  put(paste("aml km", arm, "rmst 30"), summary(fit[arm], rmean = 30)$table["rmean"])
  put(paste("aml km", arm, "rmst 30 se"), summary(fit[arm], rmean = 30)$table["se(rmean)"])
}
cox <- summary(coxph(Surv(time, status) ~ x, aml))
put("aml cox", cox$conf.int[, c("exp(coef)", "lower .95", "upper .95")])
put("aml cox p", cox$coefficients[, "Pr(>|z|)"])

# Ten mice, no censoring: the curve is flat at exactly one half.
mice <- survfit(Surv(c(18, 20, 21, 21, 24, 29, 30, 33, 40, 41), rep(1, 10)) ~ 1)
put("flat half median", summary(mice)$table["median"])

d <- read.csv("competing.csv")
d$any <- as.numeric(d$cause > 0)
put("three groups logrank ties", survdiff(Surv(day, any) ~ group, d)$chisq)
put("three groups logrank", survdiff(Surv(duration, any) ~ group, d)$chisq)
late <- survfit(Surv(entry, duration, any) ~ 1, d, conf.type = "log-log")
s <- summary(late, times = c(5, 10, 20))
put("late entry survival", s$surv)
put("late entry lower", s$lower)
put("late entry at risk", summary(late)$n.risk)
two <- d[d$group != "b", ]
put("late entry score", coxph(Surv(entry, duration, any) ~ group, two)$score)
fit <- summary(coxph(Surv(entry, duration, any) ~ group, two))
put("late entry cox", fit$conf.int[, c("exp(coef)", "lower .95", "upper .95")])
fit <- summary(coxph(Surv(day, any) ~ group, two))
put("ties cox", fit$conf.int[, c("exp(coef)", "lower .95", "upper .95")])

for (column in c("duration", "day")) {
  put(paste("gray three", column), cuminc(d[[column]], d$cause, d$group)$Tests[, "stat"])
  put(paste("gray two", column), cuminc(two[[column]], two$cause, two$group)$Tests[, "stat"])
}
at <- timepoints(cuminc(d$day, d$cause), c(5, 10, 20))
put("incidence 1", at$est[1, ])
put("incidence 2", at$est[2, ])
put("incidence variance 1", at$var[1, ])

# Hollander & Wolfe (1973), permeability constants; the example of ?wilcox.test.
x <- c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
y <- c(1.15, 0.88, 0.90, 0.74, 1.21)
w <- wilcox.test(x, y, conf.int = TRUE)
put("wilcoxon", c(w$statistic, w$p.value, w$estimate, w$conf.int))
# Student (1908), as `sleep`.
t <- t.test(extra ~ group, data = sleep)
put("welch", c(t$statistic, t$parameter, t$p.value, t$conf.int))
put("kruskal", kruskal.test(duration ~ group, d)$statistic)
put("holm", p.adjust(c(0.012, 0.03, 0.001, 0.2, 0.03), "holm"))

out$value <- format(out$value, digits = 14, trim = TRUE)
write.csv(out, "results.csv", row.names = FALSE, quote = FALSE)
