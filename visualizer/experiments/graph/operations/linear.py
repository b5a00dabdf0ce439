"""Products of matrices and vectors, convolutions, attention, recurrent layers."""

from __future__ import annotations

from visualizer.experiments.graph.operations.entry import op

LINEAR = (
    op("Addmm",
       "A matrix product plus a bias: what a linear layer computes for a batch. A is the input, B the transposed weight, "
       "C the bias, whose gradient is summed over the rows.", "Y = C + A B", r"A: g\, B^{T}", "B: A^{T} g",
       r"C: \sum_{\mathrm{rows}} g"),
    op("Mm", "A matrix product.", "Y = A B", r"A: g\, B^{T}", "B: A^{T} g"),
    op("Matmul", "A matrix product, for a stack of matrices one each.", "Y = A B", r"A: g\, B^{T}", "B: A^{T} g"),
    op("Bmm", "A matrix product for each member of a batch.", "Y_k = A_k B_k", r"A_k: g_k\, B_k^{T}", "B_k: A_k^{T} g_k"),
    op("Baddbmm", "A matrix product for each member of a batch, added to something.", r"Y_k = \beta\, C_k + \alpha\, A_k B_k",
       r"A_k: \alpha\, g_k\, B_k^{T}", r"B_k: \alpha\, A_k^{T} g_k", r"C_k: \beta\, g_k"),
    op("Addbmm", "The sum of the matrix products of a batch, added to something.", r"Y = \beta\, C + \alpha \sum_k A_k B_k",
       r"A_k: \alpha\, g\, B_k^{T}", r"B_k: \alpha\, A_k^{T} g", r"C: \beta\, g"),
    op("Linear", "A linear layer in one kernel.", "Y = X W^{T} + b", r"X: g\, W", "W: g^{T} X", r"b: \sum_{\mathrm{rows}} g"),
    op("Mv", "A matrix times a vector.", "y = A x", r"A: g\, x^{T}", "x: A^{T} g"),
    op("Addmv", "A matrix times a vector, plus a vector.", "y = c + A x", r"A: g\, x^{T}", "x: A^{T} g", "c: g"),
    op("Dot Vdot", "The sum of the products of two vectors.", r"y = \sum_i a_i b_i", r"a: g \cdot b", r"b: g \cdot a"),
    op("Addr", "The outer product of two vectors.", "Y_{ij} = a_i b_j", r"a: g\, b", "b: g^{T} a"),
    op("LinalgVectorNorm Norm", "The length of a vector (2-norm). At 0 torch gives 0.", r"y = \sqrt{\sum_i x_i^2}",
       r"x: g \cdot \frac{x}{y}"),
    op("Cdist CdistBackward EuclideanDist", "Distances between the rows of two matrices.", r"y_{ij} = \| a_i - b_j \|",
       r"a_i: \sum_j g_{ij} \frac{a_i - b_j}{y_{ij}}", r"b_j: -\sum_i g_{ij} \frac{a_i - b_j}{y_{ij}}"),
    op("LinalgInvEx", "The inverse of a matrix.", "Y = A^{-1}", r"A: -Y^{T} g\, Y^{T}"),
    op("LinalgSolveEx", "Solves a system of linear equations.", "Y = A^{-1} B", "B: A^{-T} g", r"A: -(A^{-T} g)\, Y^{T}"),
    op("LinalgDet", "The determinant.", r"y = \det A", r"A: g \cdot y\, A^{-T}"),
    op("LinalgSlogdet", "The logarithm of the absolute value of the determinant.", r"y = \ln |\det A|", r"A: g\, A^{-T}"),
    op("Trace", "The sum of the diagonal.", r"y = \sum_i A_{ii}", r"A: g\, I"),
    op("Convolution MkldnnConvolution SlowConv2D CudnnConvolution MpsConvolution ConvolutionOverrideable",
       "A convolution: the weight slides over the input, and at each place the products are summed. The gradient of the "
       "input is a transposed convolution of g with the same weight; that of the weight correlates the input with g.",
       r"y_{n,o} = b_o + \sum_c w_{o,c} \star x_{n,c}", r"x_{n,c}: \sum_o w_{o,c} * g_{n,o}",
       r"w_{o,c}: \sum_n g_{n,o} \star x_{n,c}", r"b_o: \sum_{n, \mathrm{places}} g_{n,o}"),
    op("ScaledDotProductFlashAttentionForCpu ScaledDotProductFlashAttention ScaledDotProductEfficientAttention "
       "ScaledDotProductCudnnAttention ScaledDotProductFusedAttentionOverrideable",
       "Attention: each query takes a weighted mean of the values; the weights P are a softmax of its products with the "
       "keys. The weights are not kept but computed again in backward.",
       r"Y = P V \qquad P = \mathrm{softmax}\left(\frac{Q K^{T}}{\sqrt{d}}\right)", "V: P^{T} g",
       r"Q: \frac{1}{\sqrt{d}}\, S\, K \quad S = P \cdot \Big(g V^{T} - \sum_j P\, g V^{T}\Big)",
       r"K: \frac{1}{\sqrt{d}}\, S^{T} Q"),
    op("MkldnnRnnLayer CudnnRnn MiopenRnn",
       "A whole layer of an LSTM, over all steps, in one kernel: its steps are not in the graph. Backward goes back "
       "through time inside of it.", r"h_t, c_t = \mathrm{LSTM}(x_t, h_{t-1}, c_{t-1})",
       r"W: \sum_t \frac{\partial L}{\partial a_t}\, [x_t, h_{t-1}]^{T}"),
    op("ThnnFusedLstmCell", "One step of an LSTM in one kernel.", r"c = f \cdot c_{0} + i \cdot z \qquad h = o \cdot \tanh c",
       r"c_0: f \cdot \left(g_c + g_h \cdot o (1 - \tanh^2 c)\right)"),
    op("ThnnFusedGruCell", "One step of a GRU in one kernel.", r"h = (1 - z) \cdot n + z \cdot h_0", r"h_0: g \cdot z + ..."),
    op("Trilinear", "A bilinear form.", "y = a^{T} W b", r"a: g\, W b", r"b: g\, W^{T} a", r"W: g\, a b^{T}"),
)
