"""Where the lecture that the project began with, the paper and what is measured here differ."""

DIFFERENCES = (
    "A lecture's table of the fast method gives 97.6 % as the error of maxout on MNIST. In the paper that is the "
    "confidence; the error is 89.4 %. Here the plain network errs more often than that: small networks, trained "
    "shortly, are fooled more. How sure they are of it depends on how far they were trained, and is no number to "
    "compare.",
    "A lecture writes the gradient of the fast method by y; it is by x.",
    "The adversarial loss of logistic regression is printed, in the paper and in the lecture, as softplus(y (eps |w|_1 "
    "- f(x))). That is right for y = 1 alone; right for both is softplus(eps |w|_1 - y f(x)). Trained as printed, the "
    "classifier has a bias that is eps |w|_1 too large, and errs on most clean images of one class: see the lines as "
    "printed.",
    "A lecture has it that L1 decay is worse than adversarial training, since it never stops to act. Of two classes it "
    "comes close all the same at a small eps, and less so at a large one; that it fails is seen with several classes "
    "and with a deep network. See the statements of section 5.",
    "Figure 4 of the paper shows logits that are straight beyond eps 0. They are straight piece by piece, as those of "
    "any maxout network; how far from one straight line they are over the whole range is R^2, in the table of the "
    "linear explanation.",
    "The paper tells of adversarial training by its error on the fast examples that it was trained on, 17.9 %, and "
    "says that the clean error falls. It does not speak of clipping. What the same network does with these examples "
    "put into [0, 1], with those of PGD, and how near its nearest adversarial image is, stand in its line: to resist "
    "one step of one size is not to be robust, which is why later work trains on stronger attacks (arXiv:1706.06083).",
    "The fast method moves nothing where the gradient is 0 in float32, at margins above about 103. Logistic regression "
    "without regularisation has such margins, and its logits are divided by |w|_1 for the attack; PGD and the lines "
    "called fgsm are on the logits as they are, and may find less than the formula there.",
)
