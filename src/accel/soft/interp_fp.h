/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp_fp.h - part of interp_run(): floating point.
 */
/* These are labels and statements, which clang-format takes for declarations. */
/* clang-format off */

#define FP_OP(code, state, statement)                                                                                  \
	do_##code:                                                                                                     \
	FP_NEEDS(state);                                                                                               \
	statement;                                                                                                     \
	NEXT()

#define ARITHMETIC(suffix, SUFFIX, value)                                                                              \
	FP_OP(FADD_##SUFFIX, fp_ready, FRD = fp_from_##suffix(host_add_##suffix(value(FRS1), value(FRS2))));           \
	FP_OP(FSUB_##SUFFIX, fp_ready, FRD = fp_from_##suffix(host_sub_##suffix(value(FRS1), value(FRS2))));           \
	FP_OP(FMUL_##SUFFIX, fp_ready, FRD = fp_from_##suffix(host_mul_##suffix(value(FRS1), value(FRS2))));           \
	FP_OP(FDIV_##SUFFIX, fp_ready, FRD = fp_from_##suffix(host_div_##suffix(value(FRS1), value(FRS2))));           \
	FP_OP(FSQRT_##SUFFIX, fp_ready, FRD = fp_from_##suffix(host_sqrt_##suffix(value(FRS1))));                      \
	FP_OP(FMADD_##SUFFIX, fp_ready,                                                                                \
	      FRD = fp_from_##suffix(fp_fma_##suffix(value(FRS1), value(FRS2), value(FRS3))));                       \
	FP_OP(FMSUB_##SUFFIX, fp_ready,                                                                                \
	      FRD = fp_from_##suffix(fp_fma_##suffix(value(FRS1), value(FRS2), -value(FRS3))));                      \
	FP_OP(FNMSUB_##SUFFIX, fp_ready,                                                                               \
	      FRD = fp_from_##suffix(fp_fma_##suffix(-value(FRS1), value(FRS2), value(FRS3))));                      \
	FP_OP(FNMADD_##SUFFIX, fp_ready,                                                                               \
	      FRD = fp_from_##suffix(fp_fma_##suffix(-value(FRS1), value(FRS2), -value(FRS3))))

ARITHMETIC(s, S, fp_single);
ARITHMETIC(d, D, fp_double);

FP_OP(FCVT_S_W, fp_ready, FRD = fp_from_s(host_s_from_l((int32_t)RS1)));
FP_OP(FCVT_S_WU, fp_ready, FRD = fp_from_s(host_s_from_l((uint32_t)RS1)));
FP_OP(FCVT_S_L, fp_ready, FRD = fp_from_s(host_s_from_l((int64_t)RS1)));
FP_OP(FCVT_S_LU, fp_ready, FRD = fp_from_s(fp_s_from_lu(RS1)));
FP_OP(FCVT_D_L, fp_ready, FRD = fp_from_d(host_d_from_l((int64_t)RS1)));
FP_OP(FCVT_D_LU, fp_ready, FRD = fp_from_d(fp_d_from_lu(RS1)));
FP_OP(FCVT_S_D, fp_ready, FRD = fp_from_s(host_s_from_d(fp_double(FRS1))));
FP_OP(FCVT_D_W, fp_dirty, FRD = fp_from_d(host_d_from_l((int32_t)RS1)));
FP_OP(FCVT_D_WU, fp_dirty, FRD = fp_from_d(host_d_from_l((uint32_t)RS1)));
FP_OP(FCVT_D_S, fp_dirty, FRD = fp_from_d(host_d_from_s(fp_single(FRS1))));
FP_OP(FP_ROUNDED, fp_dirty, fp_execute(hart, IMM, INSN_FUNCT3((uint32_t)IMM)));

/* The mode is in rs2; frm may hold none, which fp_make_ready() finds. */
#define TO_INT(code, value)                                                                                            \
	do_##code:                                                                                                     \
	FP_NEEDS(fp_dirty);                                                                                            \
	if (op->rs2 == RM_DYNAMIC && unlikely(hart->frm > RMM))                                                        \
		goto fp_unready;                                                                                       \
	RD = fp_to_int(value(FRS1), INSN_RS2((uint32_t)IMM), op->rs2 == RM_DYNAMIC ? hart->frm : op->rs2);             \
	NEXT()

TO_INT(FTOI_S, fp_single);
TO_INT(FTOI_D, fp_double);

FP_OP(FSGNJ_S, fp_dirty, FRD = FP_BOX | (fp_bits_s(FRS1) & ~FP_SIGN_S) | (fp_bits_s(FRS2) & FP_SIGN_S));
FP_OP(FSGNJN_S, fp_dirty, FRD = FP_BOX | (fp_bits_s(FRS1) & ~FP_SIGN_S) | (~fp_bits_s(FRS2) & FP_SIGN_S));
FP_OP(FSGNJX_S, fp_dirty, FRD = FP_BOX | (fp_bits_s(FRS1) ^ (fp_bits_s(FRS2) & FP_SIGN_S)));
FP_OP(FSGNJ_D, fp_dirty, FRD = (FRS1 & ~FP_SIGN_D) | (FRS2 & FP_SIGN_D));
FP_OP(FSGNJN_D, fp_dirty, FRD = (FRS1 & ~FP_SIGN_D) | (~FRS2 & FP_SIGN_D));
FP_OP(FSGNJX_D, fp_dirty, FRD = FRS1 ^ (FRS2 & FP_SIGN_D));
FP_OP(FMIN_S, fp_dirty, FRD = fp_min_max_s(FRS1, FRS2, false));
FP_OP(FMAX_S, fp_dirty, FRD = fp_min_max_s(FRS1, FRS2, true));
FP_OP(FMIN_D, fp_dirty, FRD = fp_min_max_d(FRS1, FRS2, false));
FP_OP(FMAX_D, fp_dirty, FRD = fp_min_max_d(FRS1, FRS2, true));

#define COMPARE(code, comparison, value, result)                                                                       \
	do_##code:                                                                                                     \
	{                                                                                                              \
		bool equal, less;                                                                                      \
		FP_NEEDS(fp_dirty);                                                                                    \
		comparison(value(FRS1), value(FRS2), &equal, &less);                                                   \
		(void)equal, (void)less;                                                                               \
		RD = result;                                                                                           \
		NEXT();                                                                                                \
	}

COMPARE(FEQ_S, host_quiet_s, fp_single, equal)
COMPARE(FLT_S, host_signaling_s, fp_single, less)
COMPARE(FLE_S, host_signaling_s, fp_single, less | equal)
COMPARE(FEQ_D, host_quiet_d, fp_double, equal)
COMPARE(FLT_D, host_signaling_d, fp_double, less)
COMPARE(FLE_D, host_signaling_d, fp_double, less | equal)

FP_OP(FCLASS_S, fp_on, RD = fp_class_s(FRS1));
FP_OP(FCLASS_D, fp_on, RD = fp_class_d(FRS1));
FP_OP(FMV_X_W, fp_on, RD = (int64_t)(int32_t)FRS1);
FP_OP(FMV_X_D, fp_on, RD = FRS1);
FP_OP(FMV_W_X, fp_dirty, FRD = FP_BOX | (uint32_t)RS1);
FP_OP(FMV_D_X, fp_dirty, FRD = RS1);
