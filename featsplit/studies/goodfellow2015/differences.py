"""Where the lecture that the project began with, the paper and what is measured here differ."""

DIFFERENCES = (
    "A lecture's table of the fast method gives 97.6 % as the error of maxout on MNIST. In the paper that is the "
    "confidence; the error is 89.4 %. Here the plain network errs more often than that: small networks, trained "
    "shortly, are fooled more. How sure they are of it hangs on how far they were trained, and is no number to "
    "compare.",
    "A lecture writes the gradient of the fast method by y; it is by x.",
    "The adversarial loss of logistic regression is printed, in the paper and in the lecture, as softplus(y (eps "
    "|w|_1 - f(x))). That is right for y = 1 alone; right for both is softplus(eps |w|_1 - y f(x)). Trained as "
    "printed, the classifier has a bias that is eps |w|_1 too large, and errs on most clean images of one class: see "
    "the lines as printed.",
    "A lecture has it that the linear model's L1 decay is worse than adversarial training because it does not stop to "
    "act. Of two classes it comes close all the same, at the eps that it suits: the difference is one of several "
    "classes and of deep networks. See the statements of section 5.",
    "The paper tells of adversarial training by its error on the fast examples it was trained on: 17.9 %. It does "
    "not speak of clipping. Here the same network errs far more on the same examples put into [0, 1], and on those "
    "of PGD: it learned to resist one step of one size, and the numbers of later work (arXiv:1706.06083) are of "
    "stronger attacks.",
    "The fast method moves nothing where the gradient is 0 in float32, at margins above about 103. No network here "
    "is as sure as that but logistic regression without regularisation, where logits are divided by |w|_1 for the "
    "attack.",
)
