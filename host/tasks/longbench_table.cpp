// SPDX-License-Identifier: Apache-2.0
// The texts are LongBench's (config/dataset2prompt.json, dataset2maxlen.json), cut where kvpress
// cuts them into context, question and the answer's beginning, misspellings and all. kvpress gives
// answers 20 tokens more.
#include "tasks/longbench_table.hpp"

namespace kvhost::tasks {

namespace {

#define KVHOST_PASSAGES_RULE                                                                    \
  "Answer the question based on the given passages. Only give me the answer and do not output " \
  "any other words.\n\n"
#define KVHOST_STORY_RULE \
  "asconcisely as you can, using a single phrase if possible. Do not provide any explanation.\n\n"
#define KVHOST_ARTICLE_RULE                                                                         \
  "as concisely as you can, using a single phrase or sentence if possible. If the question "        \
  "cannot be answered based on the information in the article, write \"unanswerable\". If the "     \
  "question is a yes/no question, answer \"yes\", \"no\", or \"unanswerable\". Do not provide any " \
  "explanation.\n\n"

constexpr LongbenchTask passages(std::string_view name) {
  return {name,
          KVHOST_PASSAGES_RULE "The following are given passages.\n",
          "\n\n" KVHOST_PASSAGES_RULE,
          "Question: ",
          "\n",
          "Answer:",
          "token_f1",
          32};
}

constexpr LongbenchTask code(std::string_view name) {
  return {name,
          "Please complete the code given below. \n",
          "",
          "",
          "",
          "Next line of code:\n",
          "code_similarity",
          64};
}

constexpr LongbenchTask kTable[] = {
    {"narrativeqa",
     "You are given a story, which can be either a novel or a movie script, and a question. "
     "Answer the question " KVHOST_STORY_RULE "Story: ",
     "\n\nNow, answer the question based on the story " KVHOST_STORY_RULE,
     "Question: ",
     "\n\n",
     "Answer:",
     "token_f1",
     128},
    {"qasper",
     "You are given a scientific article and a question. Answer the question " KVHOST_ARTICLE_RULE
     "Article: ",
     "\n\n Answer the question based on the above article " KVHOST_ARTICLE_RULE,
     "Question: ",
     "\n\n",
     "Answer:",
     "token_f1",
     128},
    {"multifieldqa_en",
     "Read the following text and answer briefly.\n\n",
     "\n\nNow, answer the following question based on the above text, only give me the answer "
     "and do not output any other words.\n\n",
     "Question: ",
     "\n",
     "Answer:",
     "token_f1",
     64},
    passages("hotpotqa"),
    passages("2wikimqa"),
    passages("musique"),
    {"gov_report",
     "You are given a report by a government agency. Write a one-page summary of the report.\n\n"
     "Report:\n",
     "\n\n",
     "Now, write a one-page summary of the report.\n\n",
     "",
     "Summary:",
     "rouge_l",
     512,
     false},
    {"qmsum",
     "You are given a meeting transcript and a query containing a question or instruction. "
     "Answer the query in one or more sentences.\n\nTranscript:\n",
     "\n\nNow, answer the query based on the above meeting transcript in one or more "
     "sentences.\n\n",
     "Query: ",
     "\n",
     "Answer:",
     "rouge_l",
     512},
    {"multi_news",
     "You are given several news passages. Write a one-page summary of all news. \n\nNews:\n",
     "\n\n",
     "Now, write a one-page summary of all the news.\n\n",
     "",
     "Summary:",
     "rouge_l",
     512,
     false},
    {"trec",
     "Please determine the type of the question below. Here are some examples of questions.\n\n",
     "\n",
     "",
     "",
     "Type:",
     "classification",
     64,
     true,
     true,
     "Type:"},
    {"triviaqa",
     "Answer the question based on the given passage. Only give me the answer and do not output "
     "any other words. The following are some examples.\n\n",
     "\n\n",
     "",
     "",
     "Answer:",
     "token_f1",
     32,
     true,
     true,
     "Answer:"},
    {"samsum",
     "Summarize the dialogue into a few short sentences. The following are some examples.\n\n",
     "\n\n",
     "",
     "",
     "Summary:",
     "rouge_l",
     128,
     true,
     true,
     "Summary:"},
    {"lsht",
     "请判断给定新闻的类别，下面是一些例子。\n\n",
     "\n",
     "",
     "",
     "类别：",
     "classification",
     64,
     true,
     true,
     "类别："},
    {"passage_count",
     "There are some paragraphs below sourced from Wikipedia. Some of them may be duplicates. "
     "Please carefully read these paragraphs and determine how many unique paragraphs there are "
     "after removing duplicates. In other words, how many non-repeating paragraphs are there in "
     "total?\n\n",
     "\n\n",
     "Please enter the final count of unique paragraphs after removing duplicates. The output "
     "format should only contain the number, such as 1, 2, 3, and so on.\n\n",
     "",
     "The final answer is: ",
     "count",
     32,
     false},
    {"passage_retrieval_en",
     "Here are 30 paragraphs from Wikipedia, along with an abstract. Please determine which "
     "paragraph the abstract is from.\n\n",
     "\n\nThe following is an abstract.\n\n",
     "",
     "\n\nPlease enter the number of the paragraph that the abstract is from. The answer format "
     "must be like \"Paragraph 1\", \"Paragraph 2\", etc.\n\n",
     "The answer is: ",
     "retrieval",
     32},
    {"passage_retrieval_zh",
     "以下是若干段落文字，以及其中一个段落的摘要。请确定给定的摘要出自哪一段。\n\n",
     "\n\n下面是一个摘要\n\n",
     "",
     "\n\n请输入摘要所属段落的编号。答案格式必须是\"段落1\"，\"段落2\"等格式\n\n",
     "答案是：",
     "retrieval",
     32},
    code("lcc"),
    code("repobench-p"),
};

}  // namespace

std::span<const LongbenchTask> longbench_table() { return kTable; }

#undef KVHOST_PASSAGES_RULE
#undef KVHOST_STORY_RULE
#undef KVHOST_ARTICLE_RULE

}  // namespace kvhost::tasks
