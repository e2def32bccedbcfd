"""The paragraphs of the page."""

SETTING = (
    "Distances are of pixels in [0, 1]: l0 counts pixels, linf is the largest change of one, and l2 the root of the "
    "sum of squares, not divided by the number of pixels."
)
CASES = (
    "Each image is attacked towards all other classes. Best is the nearest of these, worst the furthest, and average "
    "one class drawn at random. Means are over the images that were reached; in brackets is their share where it is "
    "not all: in the worst case an image counts only where every class was reached. DeepFool has no target. FGS and "
    "IGS tell the least eps of a grid of 1/255 at which the fast and the iterative method succeed. Closest and sparse"
    " are the package's own. JSMA (with all pixels allowed) only adds ink; in Table IV it changes 3.5 (Z) and 2.8 (F)"
    " times the pixels of the L0 attack. Calls are forward passes of the network per image and target, nearly all "
    "with a backward pass."
)
DISTILLATION = (
    "A teacher is trained at a temperature T, that is on softmax(Z / T), and a student of the same kind on its "
    "probabilities; the student is used at T = 1. Its logits are T times as large, and its probabilities so near 0 "
    "and 1 that the gradient of the cross-entropy is exactly 0 in float32: attacks that follow it stand still, and "
    "seem to fail. Nothing else has changed: those that follow the logits, or the logits divided by T, find images as"
    " near as before. The fast and the iterative method are untargeted at one eps, the others towards a class drawn "
    "at random, but for L-BFGS, which is told both ways: the cross-entropy of the label is 0 and flat, that of the "
    "target, taken of logits, is not. In the paper it was taken of probabilities, of which that of the target is 0 as"
    " well."
)
TRANSFER = (
    "Examples are made on a network of one half of the training images, so that a wrong class leads by the "
    "confidence, and are shown to two networks of the other half. Only examples that reached their confidence count, "
    "and of these only those whose image the other network predicts rightly."
)
OBJECTIVES = (
    "The L2 attack with each objective. The average case is towards a class drawn for each image; the best and the "
    "worst, towards every class, are of fewer images. f1 and f5 go by the cross-entropy, f2 to f4 by probabilities, "
    "f6 and f7 by logits. tanh is the change of variables; clipped clips x + r when the network sees it, and projected"
    " after each step. In brackets is the share that was reached, where it is not all."
)
NOT_MEASURED = (
    "Not measured: Table V (Inception v3 on ImageNet: L2 .32 untargeted, .96 average, 2.22 least likely; Linf .004, "
    ".006, .01; L0 48, 410, 5200; DeepFool .91; JSMA none), for want of its weights."
)
TEMPERATURE_PLOT = (
    "Left, what succeeds at each temperature: attacks that follow the gradient of the cross-entropy are stopped, "
    "others not. Right, the nearest images in l2: no further away than without distillation."
)
CONFIDENCE_PLOT = "Examples that fool other networks, by the confidence that they were made with."
CONSTANT_PLOT = "f6 with c fixed: the share of the targets that is reached, and how far away the images are."
DIFFER = (
    "The lecture says that all attacks have 100 % success on MNIST and CIFAR-10. Table IV, in the same lecture, has "
    "JSMA-Z at 98 % in the worst case and FGS at 42 % and 0 % in the average and the worst. Above is what FGS reaches"
    " here.",
    'The lecture says that the new attacks outperform all others in all three metrics; the paper says "never worse". '
    "In Table IV the iterative method is nearer in the best case of CIFAR-10: .0078 against .0092. Here it is beside "
    "the Linf attack in every case, and so are closer attacks of today.",
    "The paper calls the cross-entropy (f1) the worst objective. Its own Table III, and the table above, say that f2,"
    " f3 and f4 are. f1 is printed there with its sign turned, and f5 as -log(2 F - 2), which is defined nowhere; "
    "here f1 is the cross-entropy less 1, and f5 is max(-log(2 F), 0).",
    "The paper could not explain that the fast method on Z / T fails on distilled networks. Here it does not fail: "
    "see its row in the table of temperatures.",
    "The lecture calls l2 the root mean square. Szegedy's distortion is that, of pixels; here, as in the paper, l2 is"
    " not divided: it is sqrt(n) times as large for n components, 28 times for MNIST.",
    "L-BFGS fails on distilled networks where it follows the cross-entropy of the label, or of probabilities that "
    "have rounded to 0. Towards a target, taken of logits, the cross-entropy has its gradient, and L-BFGS works.",
)
